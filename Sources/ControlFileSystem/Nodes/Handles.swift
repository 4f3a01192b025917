import Glibc
import VirtualMemory

/// Things that are open, by the numbers that the kernel gives back with each request.
final class Handles<Value: Sendable>: Sendable {
  private struct State {
    var values: [UInt64: Value] = [:]
    var next: UInt64 = 1
  }

  private let state = Lock(State())

  /// Throws EMFILE where too many are open.
  func open(_ value: Value) throws(ControlError) -> UInt64 {
    try state.withLock { (state) throws(ControlError) in
      guard state.values.count < Limits.openFiles else {
        throw ControlError(EMFILE, "\(Limits.openFiles) files are open already")
      }
      let handle = state.next
      state.next += 1
      state.values[handle] = value
      return handle
    }
  }

  func close(_ handle: UInt64) {
    state.withLock { $0.values[handle] = nil }
  }

  func value(_ handle: UInt64) throws(ControlError) -> Value {
    guard let value = state.withLock({ $0.values[handle] }) else {
      throw ControlError(EBADF, "the file is not open")
    }
    return value
  }

  func replace(_ handle: UInt64, with value: Value) {
    state.withLock { state in
      if state.values[handle] != nil { state.values[handle] = value }
    }
  }

  /// The newest that fits, with its handle.
  func last(where fits: (Value) -> Bool) -> (handle: UInt64, value: Value)? {
    state.withLock { state in
      state.values.filter { fits($0.value) }.max { $0.key < $1.key }
        .map { ($0.key, $0.value) }
    }
  }

  var count: Int { state.withLock { $0.values.count } }
}
