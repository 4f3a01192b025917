import Glibc

/// When a process started: with its number, this names a process for good.
package enum ProcessStart {
  /// Clock ticks since boot, field 22 of `/proc/<pid>/stat`; nil where there is no such process.
  package static func ticks(of pid: Int32) -> UInt64? {
    let descriptor = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { return nil }
    defer { close(descriptor) }
    var text = [UInt8](repeating: 0, count: 1024)
    let length = read(descriptor, &text, text.count)
    // The command, field 2, may contain anything; it ends at the last parenthesis.
    guard length > 0, let parenthesis = text[..<length].lastIndex(of: UInt8(ascii: ")")) else {
      return nil
    }
    let fields = text[(parenthesis + 1)..<length].split(separator: UInt8(ascii: " "))
    guard fields.count > 19 else { return nil }
    return UInt64(String(decoding: fields[19], as: UTF8.self))
  }
}
