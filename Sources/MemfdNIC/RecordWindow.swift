// Hook context: plain words only.

/// A window on a record of one of the adapter's tables: its fields by their offsets in bytes.
protocol RecordWindow {
  var base: UnsafeMutableRawPointer { get }
}

extension RecordWindow {
  @inline(__always)
  func load<Word: BitwiseCopyable>(_ offset: Int) -> Word {
    base.load(fromByteOffset: offset, as: Word.self)
  }

  @inline(__always)
  func store<Word: BitwiseCopyable>(_ value: Word, _ offset: Int) {
    base.storeBytes(of: value, toByteOffset: offset, as: Word.self)
  }
}
