import CWinsockDirect
import Glibc

/// The condition function of an accept, and what it saw.
enum AcceptCondition {
  static let callbackData: DWORD_PTR = 0x77

  nonisolated(unsafe) private static var answer: INT = 0
  nonisolated(unsafe) private static var caller: pthread_t?
  nonisolated(unsafe) private static var calls = 0
  nonisolated(unsafe) private static var wasOnCallersThread = false
  nonisolated(unsafe) private static var handles = 0
  nonisolated(unsafe) private static var data: DWORD_PTR = 0

  static func prepare(answer: INT) {
    self.answer = answer & 0xFF
    // The peer's end of the connection is looked at while the function runs: so long does it take.
    isSlow = answer & slow != 0 && answer >= 0
    (calls, wasOnCallersThread, handles, data) = (0, false, 0, 0)
    caller = pthread_self()
  }

  /// Added to an answer: it comes after 100 milliseconds.
  static let slow: INT = 0x100
  nonisolated(unsafe) private static var isSlow = false

  /// Calls; whether they were on the accepting thread; socket handles that were there; whether the
  /// callback data came.
  static var observations: [Int] {
    [calls, wasOnCallersThread ? 1 : 0, handles, data == callbackData ? 1 : 0]
  }

  static let function: LPCONDITIONPROC = { _, _, _, _, _, _, _, data in
    calls += 1
    wasOnCallersThread = caller.map { pthread_equal($0, pthread_self()) != 0 } ?? false
    handles = UpcallRecorder.shared.handleCount
    AcceptCondition.data = data
    if isSlow { usleep(100_000) }
    return answer
  }
}
