import Glibc

/// Lines from a pipe.
final class LineReader {
  private let descriptor: Int32
  private var bytes: [UInt8] = []

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  /// The next line without its end; nil at the end of the stream. Throws where none came in time.
  func next(within timeout: Duration) throws -> String? {
    let end = Moment(after: timeout)
    while true {
      if let index = bytes.firstIndex(of: UInt8(ascii: "\n")) {
        defer { bytes.removeSubrange(...index) }
        return String(decoding: bytes[..<index], as: UTF8.self)
      }
      if try !fill(until: end) { return nil }
    }
  }

  private func fill(until end: Moment) throws -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    let ready = poll(&entry, 1, end.remainingMilliseconds)
    if ready < 0 && errno == EINTR { return true }
    if ready == 0 { throw ToolError("a process of ours does not answer") }
    var chunk = [UInt8](repeating: 0, count: 4096)
    let length = read(descriptor, &chunk, chunk.count)
    if length < 0 && errno == EINTR { return true }
    if length <= 0 { return false }
    bytes += chunk[..<length]
    return true
  }
}
