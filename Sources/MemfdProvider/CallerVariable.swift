import CWinsockDirect

/// A variable of the caller's into which a function stores something: known to be writable before
/// the function does what cannot be undone.
struct CallerVariable<Value: BitwiseCopyable> {
  private let memory: UnsafeMutableRawPointer?
  /// What the caller had in it.
  let value: Value

  /// Throws `.fault` for none, and for one that cannot be read and written.
  init(_ memory: UnsafeMutableRawPointer?) throws(SocketsError) {
    self.memory = memory
    value = try CallerMemory.read(memory)
    try store(value)
  }

  /// Throws `.fault` where another thread has taken the memory away meanwhile.
  func store(_ value: Value) throws(SocketsError) {
    try CallerMemory.write(value, to: memory)
  }
}
