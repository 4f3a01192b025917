import Glibc

/// Writes all of a text; what cannot be written is nobody's any more.
func writeText(_ text: String, to descriptor: Int32) {
  var bytes = Array(text.utf8)[...]
  while !bytes.isEmpty {
    let length = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if length < 0 && errno == EINTR { continue }
    if length <= 0 { return }
    bytes = bytes.dropFirst(length)
  }
}
