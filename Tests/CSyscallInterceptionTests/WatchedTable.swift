import CSyscallInterception

/// A table for the detours to look at. It stays in memory, as they ask of it.
struct WatchedTable {
  static let entries = 1 << 23
  static let bytesPerEntry = UInt64(1) << CSyscallInterception_table_shift
  let words = UnsafeMutablePointer<UInt32>.allocate(capacity: entries)

  /// Lets the detours look at it, with the same word everywhere.
  func watch(all word: UInt32) {
    words.update(repeating: word, count: Self.entries)
    CSyscallInterception_watch_table(words, UInt64(Self.entries))
  }

  /// The word for an address.
  subscript(address: UInt64) -> UInt32 {
    get { words[Int(address / Self.bytesPerEntry)] }
    nonmutating set { words[Int(address / Self.bytesPerEntry)] = newValue }
  }
}
