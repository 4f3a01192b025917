import Glibc

/// What the system calls an errno.
enum SystemText {
  static func of(_ number: Int32) -> String {
    strerror(number).map { String(cString: $0) } ?? "error \(number)"
  }
}
