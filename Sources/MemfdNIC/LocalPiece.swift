/// A part of a request's local memory, within one segment.
struct LocalPiece {
  let key: RegistrationKey
  let address: UInt
  let length: Int

  /// The piece that begins `position` bytes into the segments, at most `limit` bytes long; nil at
  /// their end.
  static func find(
    _ segments: UnsafeMutablePointer<LocalSegment>, count: Int, position: UInt64, limit: Int
  ) -> LocalPiece? {
    var before: UInt64 = 0
    for index in 0..<count {
      let segment = segments[index]
      let end = before + UInt64(segment.length)
      if position < end {
        let inside = position - before
        return LocalPiece(
          key: segment.key, address: segment.address + UInt(inside),
          length: min(Int(end - position), limit))
      }
      before = end
    }
    return nil
  }
}
