import Glibc

/// Writes a line on standard output, at once: others write to the same terminal.
func say(_ line: String = "") {
  writeAll(STDOUT_FILENO, Array("\(line)\n".utf8))
}

/// Writes all of it; false where the other end is closed.
@discardableResult
func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
  bytes.withUnsafeBytes { writeAll(descriptor, $0) }
}

/// Writes all of it; false where the other end is closed.
@discardableResult
func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
  var rest = bytes
  while !rest.isEmpty {
    let length = write(descriptor, rest.baseAddress, rest.count)
    if length < 0 && errno == EINTR { continue }
    if length <= 0 { return false }
    rest = UnsafeRawBufferPointer(rebasing: rest[length...])
  }
  return true
}
