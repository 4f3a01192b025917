import Glibc
import VirtualMemory

/// How values are written in every file: fixed width for addresses, words for flags.
enum Text {
  static func hexadecimal(_ value: UInt64, digits: Int = 16) -> String {
    let text = String(value, radix: 16)
    return "0x" + String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  static func address(_ value: UInt) -> String { hexadecimal(UInt64(value)) }

  static func range(_ range: AddressRange) -> String {
    "\(address(range.start))-\(address(range.end))"
  }

  /// The name of the file of a region: the same without `0x`.
  static func fileName(_ range: AddressRange) -> String {
    "\(address(range.start).dropFirst(2))-\(address(range.end).dropFirst(2))"
  }

  static func access(_ access: MemoryAccess) -> String {
    switch (access.contains(.read), access.contains(.write)) {
    case (true, true): "read-write"
    case (true, false): "read"
    case (false, true): "write"
    case (false, false): "none"
    }
  }

  /// A number, or `max` for no limit.
  static func limit(_ value: UInt64) -> String { value == .max ? "max" : "\(value)" }

  static func yesNo(_ value: Bool) -> String { value ? "yes" : "no" }

  /// An IPv4 address whose first byte is in the highest bits.
  static func address4(_ value: UInt32) -> String {
    "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
  }

  /// The names with commas, or `-` for none.
  static func list(_ names: [String]) -> String {
    names.isEmpty ? "-" : names.joined(separator: ",")
  }

  /// A moment of CLOCK_REALTIME, in nanoseconds, as ISO 8601 in UTC.
  static func time(_ nanoseconds: UInt64) -> String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var fields = tm()
    guard gmtime_r(&seconds, &fields) != nil else { return "-" }
    func padded(_ value: some BinaryInteger, _ width: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    let date =
      "\(padded(fields.tm_year + 1900, 4))-\(padded(fields.tm_mon + 1, 2))-\(padded(fields.tm_mday, 2))"
    let clock =
      "\(padded(fields.tm_hour, 2)):\(padded(fields.tm_min, 2)):\(padded(fields.tm_sec, 2))"
    return "\(date)T\(clock).\(padded(nanoseconds % 1_000_000_000, 9))Z"
  }

  /// A name that another process chose, as a file name: letters, digits and `._+-` stay.
  static func safeName(_ name: String, otherwise fallback: @autoclosure () -> String) -> String {
    let safe = String(
      decoding: name.utf8.map { byte -> UInt8 in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
          UInt8(ascii: "+"), UInt8(ascii: "-"):
          return byte
        default: return UInt8(ascii: "_")
        }
      }, as: UTF8.self)
    return safe.isEmpty || safe == "." || safe == ".." ? fallback() : safe
  }

  /// Text that another process chose, on one line: control characters become `?`.
  static func oneLine(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? "?" : $0 }))
  }
}
