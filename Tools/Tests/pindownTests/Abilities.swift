/// What the library says on standard error of what the process may not do.
enum Abilities {
  static let noFrames =
    "pindown: CAP_SYS_ADMIN is missing: page frames are neither shown nor audited"
  static let noPins =
    "pindown: io_uring is not permitted to this process (a seccomp filter, as containers have): "
    + "only memory from memfd segments can be registered"
  static let noRing =
    "pindown: this kernel does not offer io_uring: only memory from memfd segments can be registered"

  static func isLoss(_ line: String) -> Bool {
    line.hasPrefix("pindown: CAP_") && line.contains(" is missing: ")
  }
}
