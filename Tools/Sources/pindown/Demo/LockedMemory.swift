import CTools

/// Whether this user may lock as much memory as the demo pins.
enum LockedMemory {
  /// The client's buffer and one of the server's; a block of malloc is a page longer.
  private static let byteCount = 2 * (SourceFile.byteCount + (64 << 10))

  /// Throws what to do where the limit is too low.
  static func check() throws {
    let limit = CTools_locked_memory_limit()
    if limit >= UInt64(byteCount) || mayLockEverything { return }
    throw ToolError(
      "the demo pins \(byteCount >> 10) kB, and this user may lock \(limit >> 10) kB; "
        + "raise the limit: sudo prlimit --pid $$ --memlock=\(2 * byteCount)")
  }

  /// Whether the process has CAP_IPC_LOCK, to which the limit does not apply.
  private static var mayLockEverything: Bool {
    let lines = (try? TextFile.lines("/proc/self/status")) ?? []
    let mask = lines.first { $0.hasPrefix("CapEff:") }?.split(separator: "\t").last
    return (mask.flatMap { UInt64($0, radix: 16) } ?? 0) & 1 << 14 != 0
  }
}
