package import VirtualMemory

/// How an adapter reaches the pages of a registration.
package enum RegionBacking: Sendable {
  /// Through a slot of the pin table, which covers the whole registration.
  case pinned(PinSlot)
  /// Through another mapping of the same pages.
  ///
  /// - alias: The address of the registration's first byte in that mapping.
  /// - descriptor: The memfd, sealed against shrinking; it stays the caller's and open for as long
  ///   as the registration lives.
  /// - offset: Where the registration's first byte lies in the memfd.
  case mapped(alias: UInt, descriptor: Int32, offset: UInt64)
}
