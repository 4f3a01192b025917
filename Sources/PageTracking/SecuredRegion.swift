/// A region that is secured: the name under which it is unsecured.
///
/// A plain word, so that it can be stored in published records. Once the region is gone the name
/// means nothing: it is not given out again.
public struct SecuredRegion: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt64

  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  init(node: UInt32, generation: UInt32) {
    rawValue = UInt64(generation) << 32 | UInt64(node)
  }

  var node: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
  var generation: UInt32 { UInt32(rawValue >> 32) }
}
