// Hook context: `attach` and `detach`. They touch memory that was set aside beforehand, and no lock.

import Glibc
import Pindown

/// An adapter without wires: what is written through it is copied within the process, while the
/// registrations of both ends are entered.
///
/// An entry is a word: the number of its life in bits 32-63, whether it is used in bit 31 and open in
/// bit 30, and how many transfers are inside below. A key is 1 + the entry, and its life above.
enum Adapter {
  static let name = "loopback0"
  static let address: UInt32 = 0x0A4F_0001
  static let prefixLength: UInt32 = 24
  static let capacity = 1024

  private static let used: UInt64 = 1 << 31
  private static let open: UInt64 = 1 << 30
  private static let inside: UInt64 = open - 1

  private nonisolated(unsafe) static let words: UnsafeMutableRawPointer = {
    let words = UnsafeMutableRawPointer.allocate(byteCount: capacity * 8, alignment: 8)
    words.initializeMemory(as: UInt64.self, repeating: 0, count: capacity)
    return words
  }()

  private static func word(_ index: Int) -> SharedWord { SharedWord(words + 8 * index) }

  static let operations = AdapterOperations(
    context: nil,
    register: { _, _, _, _, _, _ in Adapter.attach() },
    deregister: { _, _, key, deadline in Adapter.detach(key, deadline: deadline) })

  /// One thread at a time, by the cache's lock.
  private static func attach() -> UInt32 {
    for index in 0..<capacity {
      let old = word(index).load()
      if old & used != 0 { continue }
      let life = (old >> 32 + 1) & 0xFFFF
      word(index).store(life << 32 | used | open)
      return UInt32(life) << 16 | UInt32(index + 1)
    }
    return 0
  }

  private static func detach(_ key: UInt32, deadline: UInt64) -> Bool {
    let index = Int(key & 0xFFFF) - 1
    change(index) { $0 & ~open }
    while word(index).load() & inside != 0 {
      var now = timespec()
      clock_gettime(CLOCK_MONOTONIC, &now)
      if UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec) >= deadline { return false }
      var pause = timespec(tv_sec: 0, tv_nsec: 50_000)
      nanosleep(&pause, nil)
    }
    change(index) { $0 & ~used }
    return true
  }

  /// Lets a transfer into a registration; false where it is closed.
  static func enter(_ key: UInt32) -> Bool {
    change(Int(key & 0xFFFF) - 1) { old in
      old & open != 0 && old >> 32 == UInt64(key >> 16) ? old + 1 : nil
    }
  }

  static func leave(_ key: UInt32) {
    change(Int(key & 0xFFFF) - 1) { $0 - 1 }
  }

  @discardableResult
  private static func change(_ index: Int, _ next: (UInt64) -> UInt64?) -> Bool {
    var old = word(index).load()
    while true {
      guard let new = next(old) else { return false }
      let (exchanged, original) = word(index).compareExchange(expected: old, desired: new)
      if exchanged { return true }
      old = original
    }
  }
}
