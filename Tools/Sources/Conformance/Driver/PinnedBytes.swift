import Glibc

/// What the kernel counts as pinned or locked in this process.
enum PinnedBytes {
  /// VmPin and VmLck. Allocates nothing where it is called again.
  static var ofThisProcess: Int {
    let descriptor = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 8192)
    let length = read(descriptor, &buffer, buffer.count)
    guard length > 0 else { return 0 }
    var sum = 0
    for line in buffer[..<length].split(separator: UInt8(ascii: "\n")) {
      if line.starts(with: "VmPin:".utf8) || line.starts(with: "VmLck:".utf8) {
        sum += line.reduce(0) { (0x30...0x39).contains($1) ? $0 * 10 + Int($1 - 0x30) : $0 }
      }
    }
    return sum * 1024
  }
}
