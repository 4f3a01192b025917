package enum Backing: UInt32, Sendable {
  case none = 0
  /// A shared mapping of a memfd of ours: adapters use an alias mapping of its pages.
  case mapped
  /// Any other memory, locked by an io_uring registered buffer.
  case pinned
}
