import Glibc

/// Lines from a pipe.
final class LineSource {
  private let descriptor: Int32
  private var bytes: [UInt8] = []

  enum Next: Equatable {
    case line(String)
    case ended
    case tooLate
  }

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
  }

  /// The next line without its end; waits for it as long as is said.
  func next(milliseconds: Int) -> Next {
    let watch = Stopwatch()
    while true {
      if let index = bytes.firstIndex(of: 10) {
        defer { bytes.removeSubrange(...index) }
        return .line(String(decoding: bytes[..<index], as: UTF8.self))
      }
      let left = milliseconds - watch.milliseconds
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&entry, 1, Int32(max(left, 0)))
      if ready < 0 && errno == EINTR { continue }
      if ready == 0 { return .tooLate }
      var chunk = [UInt8](repeating: 0, count: 4096)
      let length = read(descriptor, &chunk, chunk.count)
      if length < 0 && errno == EINTR { continue }
      if length <= 0 { return .ended }
      bytes += chunk[..<length]
    }
  }
}
