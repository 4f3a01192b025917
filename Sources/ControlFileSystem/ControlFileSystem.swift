import Glibc

/// The control file system: what processes publish about their registrations, as files.
///
/// ```swift
/// try ControlFileSystem.serve(at: "/run/pindown")   // until it is unmounted
/// ```
public enum ControlFileSystem {
  /// Mounts the tree on an empty directory and serves it until it is unmounted, or until SIGTERM,
  /// SIGINT or SIGHUP.
  ///
  /// The calling thread waits; other threads serve. A process that serves must not open anything
  /// below the directory itself. What a server that died left there is cleaned up first.
  ///
  /// - Parameter ready: called once, on another thread, when the mount answers.
  /// Throws a `MountError` whose description says what to do.
  public static func serve(
    at directory: String, options: MountOptions = MountOptions(),
    ready: @escaping @Sendable () -> Void = {}
  ) throws(MountError) {
    let session = try start(at: directory, options: options, ready: ready)
    session.serve()
  }

  private static func start(
    at directory: String, options: MountOptions, ready: @escaping @Sendable () -> Void
  ) throws(MountError) -> Session {
    let point = try MountPoint(directory)
    if point.isDead { try point.unmount() }
    try checkFuse()
    // Two who mount on the same directory at the same moment: the second waits and then sees the
    // first one's mount.
    let lock = open(point.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { if lock >= 0 { close(lock) } }
    if lock >= 0 { flock(lock, LOCK_EX) }
    try point.checkFree()
    return try Session(directory: point.path, options: options, ready: ready)
  }

  /// Unmounts the tree, or what is left of one whose server has died.
  public static func unmount(_ directory: String) throws(MountError) {
    try MountPoint(directory).unmount()
  }

  private static func checkFuse() throws(MountError) {
    let descriptor = open("/dev/fuse", O_RDWR | O_CLOEXEC)
    if descriptor >= 0 {
      close(descriptor)
      return
    }
    switch errno {
    case EACCES, EPERM: throw .noFusePermission
    default: throw .noFuse
    }
  }
}
