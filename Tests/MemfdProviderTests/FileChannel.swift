import Glibc
import Testing

/// Two named pipes through which a test and a process of its own exchange numbers.
final class FileChannel {
  let path: String
  private let inbound: Int32
  private let outbound: Int32
  private let isFirst: Bool

  /// The first end makes the pipes, and removes them at last.
  init(_ path: String? = nil, isFirst: Bool = true) throws {
    self.isFirst = isFirst
    if let path {
      self.path = path
    } else {
      var template = Array("/tmp/pindown-channel-XXXXXX".utf8CString)
      try #require(mkdtemp(&template) != nil)
      self.path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
      try #require(mkfifo(self.path + "/0", 0o600) == 0)
      try #require(mkfifo(self.path + "/1", 0o600) == 0)
    }
    // For reading and writing: opening does not wait for the other end then.
    inbound = open(self.path + (isFirst ? "/0" : "/1"), O_RDWR | O_CLOEXEC)
    outbound = open(self.path + (isFirst ? "/1" : "/0"), O_RDWR | O_CLOEXEC)
    try #require(inbound >= 0 && outbound >= 0)
  }

  deinit {
    close(inbound)
    close(outbound)
    if isFirst {
      unlink(path + "/0")
      unlink(path + "/1")
      rmdir(path)
    }
  }

  func send(_ number: UInt32) throws {
    var number = number
    try #require(write(outbound, &number, 4) == 4)
  }

  /// The next number; fails where none comes within twenty seconds.
  func receive() throws -> UInt32 {
    var wanted = pollfd(fd: inbound, events: Int16(POLLIN), revents: 0)
    try #require(poll(&wanted, 1, 20_000) == 1)
    var number: UInt32 = 0
    try #require(read(inbound, &number, 4) == 4)
    return number
  }
}
