/// A piece of a party's memory.
struct Buffer {
  static let pageSize = 4096

  let party: Party
  let memory: Int
  /// Where the whole memory begins.
  let address: Int
  let offset: Int
  let length: Int

  /// A part of it.
  func part(_ offset: Int, _ length: Int) -> Buffer {
    Buffer(
      party: party, memory: memory, address: address, offset: self.offset + offset, length: length)
  }

  /// Addresses that belong to nobody; memory -1 is NULL.
  static func nowhere(_ party: Party, memory: Int = -2, at offset: Int, length: Int) -> Buffer {
    Buffer(party: party, memory: memory, address: 0, offset: offset, length: length)
  }

  /// Bytes that depend on their place in the buffer and on `seed`.
  func fill(_ seed: Int) throws(Failure) {
    try party.ask(.fill, [memory, offset, length, seed])
  }

  /// The place of the first byte that is not what `fill(seed)` writes at `place` and behind; nil
  /// where there is none.
  func difference(
    from seed: Int, place: Int = 0, inFormerPages: Bool = false
  ) throws(Failure) -> Int? {
    let index = try party.ask(
      .firstDifference, [memory, offset, length, seed, place, inFormerPages ? 1 : 0]
    ).numbers[0]
    return index < 0 ? nil : index
  }

  /// Fails unless it holds what `fill(seed)` wrote at `place`.
  func expect(_ seed: Int, place: Int = 0, _ what: String) throws(Failure) {
    if let index = try difference(from: seed, place: place) {
      throw .violated(expected: what, actual: "byte \(index) of \(length) is another")
    }
  }

  /// New pages at the same addresses, as after munmap and mmap: without a word to the provider.
  func replacePages() throws(Failure) { try party.ask(.replace, [memory, offset, length]) }
}
