/// A write of the peer of which a part has come. Its exposure is entered until it is complete.
struct InboundWrite {
  let sequence: UInt64
  let exposure: Exposure
  /// Where in the exposure it begins, how long it is, and what has come: bytes.
  let offset: UInt64
  let total: UInt64
  var moved: UInt64 = 0
}
