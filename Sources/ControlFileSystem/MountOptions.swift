/// How a tree is mounted.
public struct MountOptions: Sendable {
  /// Whether other users than the one who mounts may look; each sees its own processes.
  public var allowsOtherUsers: Bool

  public init(allowsOtherUsers: Bool = false) {
    self.allowsOtherUsers = allowsOtherUsers
  }

  /// What libfuse is told: first with the unmount of a server that died, then without.
  var attempts: [String] {
    var common = "fsname=pindown,subtype=pindown,default_permissions"
    if allowsOtherUsers { common += ",allow_other" }
    return [common + ",auto_unmount", common]
  }
}
