/// Bits of `ProcessHeader.abilities`.
package enum AbilityBit {
  package static let pins: UInt32 = 1
  package static let frames: UInt32 = 2
}
