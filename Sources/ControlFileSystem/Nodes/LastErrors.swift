import CLinuxMemory
import VirtualMemory

/// Why the last write by each user failed.
final class LastErrors: Sendable {
  struct Failure: Sendable {
    var time: UInt64
    var path: String
    var input: String
    var error: ControlError
  }

  private let failures = Lock<[UInt32: Failure]>([:])

  func note(_ error: ControlError, path: String, input: String, by user: UInt32) {
    let failure = Failure(
      time: CLinuxMemory_realtime(), path: path, input: input, error: error)
    failures.withLock { failures in
      if failures[user] == nil, failures.count >= Limits.users,
        let oldest = failures.min(by: { $0.value.time < $1.value.time })?.key
      {
        failures[oldest] = nil
      }
      failures[user] = failure
    }
  }

  func last(of user: UInt32) -> Failure? { failures.withLock { $0[user] } }
}
