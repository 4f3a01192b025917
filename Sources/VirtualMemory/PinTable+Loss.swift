import Glibc

extension PinTable {
  /// One line for the user: why there are no pins, and what is lost without them.
  ///
  /// - Parameter error: what `init` threw.
  package static func loss(_ error: VirtualMemoryError) -> String {
    "\(reason(error)): only memory from memfd segments can be registered"
  }

  private static func reason(_ error: VirtualMemoryError) -> String {
    switch error {
    case .notPermitted: refusal
    case .exhausted: "io_uring has no memory (RLIMIT_MEMLOCK, ulimit -l, may be too small)"
    case .system(let number): "io_uring cannot be set up (error \(number))"
    case .unavailable, .notMapped: "this kernel does not offer io_uring"
    }
  }

  /// Who refuses io_uring: the kernel's own switch, or something about this process.
  private static var refusal: String {
    switch switchSetting {
    case UInt8(ascii: "2"): "io_uring is switched off (kernel.io_uring_disabled is 2)"
    case UInt8(ascii: "1"):
      "io_uring needs CAP_SYS_ADMIN or kernel.io_uring_group (kernel.io_uring_disabled is 1)"
    default: "io_uring is not permitted to this process (a seccomp filter, as containers have)"
    }
  }

  /// The first character of kernel.io_uring_disabled; nil where the kernel has no such switch.
  private static var switchSetting: UInt8? {
    let descriptor = open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var character: UInt8 = 0
    return read(descriptor, &character, 1) == 1 ? character : nil
  }
}
