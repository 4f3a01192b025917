import Glibc
import VirtualMemory

/// A file descriptor that several threads use, and that is closed when it was ended and nobody is
/// inside any more: so its number is never another file's.
final class Descriptor: Sendable {
  private struct State {
    var users = 0
    var isEnded = false
  }

  private let number: Int32
  private let state = Lock(State())

  /// Takes the descriptor over.
  init(_ number: Int32) {
    self.number = number
  }

  deinit {
    if state.withLock({ !$0.isEnded }) { Glibc.close(number) }
  }

  /// Runs `body` with the number; throws `.closed` where it was ended.
  func use<Result>(_ body: (Int32) throws(StreamError) -> Result) throws(StreamError) -> Result {
    try state.withLock { (state) throws(StreamError) in
      if state.isEnded { throw .closed }
      state.users += 1
    }
    defer {
      let isLast = state.withLock { state -> Bool in
        state.users -= 1
        return state.users == 0 && state.isEnded
      }
      if isLast { Glibc.close(number) }
    }
    return try body(number)
  }

  /// Whether it was ended.
  var isEnded: Bool { state.withLock { $0.isEnded } }

  /// Lets nobody in any more. Whoever is inside must be woken by what `prepare` does, which is not
  /// called where it was ended before.
  func end(_ prepare: (Int32) -> Void = { _ in }) {
    let isUnused = state.withLock { state -> Bool in
      if state.isEnded { return false }
      prepare(number)
      state.isEnded = true
      return state.users == 0
    }
    if isUnused { Glibc.close(number) }
  }
}
