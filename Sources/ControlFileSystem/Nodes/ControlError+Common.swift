import Glibc

extension ControlError {
  /// What the path names does not exist, or no longer.
  static var gone: ControlError { ControlError(ENOENT, "there is no such object now") }
  static var notPermitted: ControlError {
    ControlError(EPERM, "the tree shows what is there; nothing can be made or renamed in it")
  }
  static func invalid(_ reason: String) -> ControlError { ControlError(EINVAL, reason) }
}
