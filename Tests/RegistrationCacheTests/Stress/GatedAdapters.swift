import Glibc
import Synchronization
import VirtualMemory

@testable import RegistrationCache

/// Two adapters with a gate for each registration, as a NIC has: transfers enter by
/// compare-and-exchange while it is open, and deregistering closes it and waits until they are out.
///
/// The word of a registration: its key in bits 32-63, bit 31 while it is open, and how many are
/// inside. It is 0 while the place is free.
final class GatedAdapters: @unchecked Sendable {
  private static let capacity = 4096
  private static let open: UInt64 = 1 << 31
  private static let users: UInt64 = open - 1

  private let words: UnsafeMutablePointer<UInt64>
  private let next = Atomic<UInt32>(1)
  private let waits: Bool
  /// Registrations that there are.
  let registered = Atomic<Int>(0)
  /// Transfers that found their registration gone under them.
  let staleUses = Atomic<Int>(0)

  /// With `waits` false the adapters are broken: they let go while a transfer is inside.
  init(waits: Bool = true) {
    self.waits = waits
    words = .allocate(capacity: Self.capacity)
    words.initialize(repeating: 0, count: Self.capacity)
  }

  deinit {
    words.deallocate()
  }

  var operations: AdapterOperations {
    AdapterOperations(
      context: Unmanaged.passUnretained(self).toOpaque(),
      register: { context, _, _, _, _, _ in
        GatedAdapters.from(context).register()
      },
      deregister: { context, _, key, deadline in
        GatedAdapters.from(context).deregister(key, deadline: deadline)
      })
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> GatedAdapters {
    Unmanaged<GatedAdapters>.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue()
  }

  private func word(_ key: UInt32) -> SharedWord {
    SharedWord(words + Int(key) % Self.capacity)
  }

  /// 0 where every place is taken.
  private func register() -> UInt32 {
    for _ in 0..<Self.capacity {
      let key = next.wrappingAdd(1, ordering: .relaxed).oldValue
      let taken = word(key).compareExchange(expected: 0, desired: UInt64(key) << 32 | Self.open)
      if taken.exchanged {
        registered.wrappingAdd(1, ordering: .relaxed)
        return key
      }
    }
    return 0
  }

  private func deregister(_ key: UInt32, deadline: UInt64) -> Bool {
    let word = word(key)
    var old = word.load()
    while true {
      precondition(old >> 32 == UInt64(key), "a key is deregistered twice")
      let closed = word.compareExchange(expected: old, desired: old & ~Self.open)
      if closed.exchanged { break }
      old = closed.original
    }
    while waits, word.load() & Self.users != 0 {
      if now() >= deadline { return false }
      sched_yield()
    }
    word.store(0)
    registered.wrappingSubtract(1, ordering: .relaxed)
    return true
  }

  private func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// A transfer through the registration, which gives other threads a chance while it is inside;
  /// false where the key is closed.
  func transfer(_ key: UInt32) -> Bool {
    guard enter(key) else { return false }
    for _ in 0..<4 {
      sched_yield()
      if word(key).load() >> 32 == UInt64(key) { continue }
      staleUses.wrappingAdd(1, ordering: .relaxed)
      return true
    }
    leave(key)
    return true
  }

  func enter(_ key: UInt32) -> Bool {
    var old = word(key).load()
    while old >> 32 == UInt64(key), old & Self.open != 0 {
      let entered = word(key).compareExchange(expected: old, desired: old + 1)
      if entered.exchanged { return true }
      old = entered.original
    }
    return false
  }

  /// Nothing happens where the registration is gone, which only broken adapters let happen.
  func leave(_ key: UInt32) {
    var old = word(key).load()
    while old >> 32 == UInt64(key) {
      let left = word(key).compareExchange(expected: old, desired: old - 1)
      if left.exchanged { return }
      old = left.original
    }
    staleUses.wrappingAdd(1, ordering: .relaxed)
  }
}
