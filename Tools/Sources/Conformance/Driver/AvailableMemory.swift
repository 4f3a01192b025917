import Glibc

/// Memory that this machine can give without swapping.
enum AvailableMemory {
  static var bytes: Int {
    guard let file = fopen("/proc/meminfo", "re") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(
        decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if text.hasPrefix("MemAvailable:") {
        return (Int(text.filter(\.isNumber)) ?? 0) * 1024
      }
    }
    return 0
  }
}
