/// Why the kernel did not do what was asked of it.
public enum VirtualMemoryError: Error, Hashable, Sendable {
  /// The range, or a part of it, is not mapped or not accessible.
  case notMapped
  /// No room: RLIMIT_MEMLOCK, the kernel's memory, or a table of this library is full.
  case exhausted
  /// The kernel, or its configuration, does not offer what is needed.
  case unavailable
  /// The process lacks a capability.
  case notPermitted
  /// Another error of the system, by its errno.
  case system(errno: Int32)
}
