/// What a cache needs of the adapters that its provider drives: plain functions, because they are
/// called in hook context.
public struct AdapterOperations: @unchecked Sendable {
  /// Gives adapter `adapter` a registration for `start ..< end`; returns its key, or 0 where the
  /// adapter has no room. `pin` is a `PinSlot` (0: none), `segment` a `SegmentUse` (0: none).
  /// It may not allocate or block; it is called under the cache's lock.
  public typealias Register =
    @convention(c) (
      _ context: UnsafeMutableRawPointer?, _ adapter: UInt32, _ start: UInt, _ end: UInt,
      _ pin: UInt64, _ segment: UInt64
    ) -> UInt32

  /// Takes a registration from an adapter: closes it, and waits until no transfer is inside or
  /// `deadline` (CLOCK_MONOTONIC, nanoseconds) has passed. Returns whether it is empty; it is
  /// closed in any case, and is asked about again: first with a deadline of 0, so that every adapter
  /// has closed it before one is waited for. Hook context.
  public typealias Deregister =
    @convention(c) (
      _ context: UnsafeMutableRawPointer?, _ adapter: UInt32, _ key: UInt32, _ deadline: UInt64
    ) -> Bool

  public let context: UnsafeMutableRawPointer?
  public let register: Register
  public let deregister: Deregister

  public init(
    context: UnsafeMutableRawPointer?, register: @escaping Register,
    deregister: @escaping Deregister
  ) {
    self.context = context
    self.register = register
    self.deregister = deregister
  }
}
