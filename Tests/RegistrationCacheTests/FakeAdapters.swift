import Glibc
import Synchronization
import Testing
import VirtualMemory

@testable import RegistrationCache

/// Adapters that only keep books: which keys exist, and who is told to let go.
final class FakeAdapters: @unchecked Sendable {
  /// For each key: 0 free, 1 registered.
  private let keys: UnsafeMutablePointer<UInt32>
  private static let capacity = 65_536
  private let next = Atomic<UInt32>(1)
  let registered = Atomic<Int>(0)
  /// While true no registration is let go.
  let isStuck = Atomic<Bool>(false)
  /// A signal that every deregistering raises on its thread; 0 for none. And whether adapters are so
  /// broken as to let it in there and then.
  let raisedSignal = Atomic<Int32>(0)
  let letsSignalsIn = Atomic<Bool>(false)

  init() {
    keys = .allocate(capacity: Self.capacity)
    keys.initialize(repeating: 0, count: Self.capacity)
  }

  deinit {
    keys.deallocate()
  }

  var operations: AdapterOperations {
    AdapterOperations(
      context: Unmanaged.passUnretained(self).toOpaque(),
      register: { context, _, _, _, _, _ in
        FakeAdapters.from(context).register()
      },
      deregister: { context, _, key, _ in
        FakeAdapters.from(context).deregister(key)
      })
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> FakeAdapters {
    Unmanaged<FakeAdapters>.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue()
  }

  private func word(_ key: UInt32) -> SharedHalfWord {
    SharedHalfWord(keys + Int(key) % Self.capacity)
  }

  private func register() -> UInt32 {
    let key = next.wrappingAdd(1, ordering: .relaxed).oldValue
    precondition(word(key).exchange(1) == 0)
    registered.wrappingAdd(1, ordering: .relaxed)
    return key
  }

  private func deregister(_ key: UInt32) -> Bool {
    let signal = raisedSignal.exchange(0, ordering: .relaxed)
    if signal != 0 { interrupt(signal) }
    if isStuck.load(ordering: .relaxed) { return false }
    precondition(word(key).exchange(0) == 1, "a key is deregistered twice")
    registered.wrappingSubtract(1, ordering: .relaxed)
    return true
  }

  private func interrupt(_ signal: Int32) {
    if letsSignalsIn.load(ordering: .relaxed) { Self.letIn(signal) }
    raise(signal)
  }

  static func letIn(_ signal: Int32) {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, signal)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  func isRegistered(_ key: UInt32) -> Bool {
    word(key).load() == 1
  }
}

/// A mapping that a test may do anything to.
struct TestMemory: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let pages: Int

  init(pages: Int) throws {
    let memory = mmap(
      nil, pages * Int(Page.size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    base = try #require(memory == MAP_FAILED ? nil : memory)
    self.pages = pages
  }

  var start: UInt { UInt(bitPattern: base) }
  var range: AddressRange { part(0, pages) }

  func part(_ first: Int, _ count: Int) -> AddressRange {
    AddressRange(
      start: start + UInt(first) * Page.size, end: start + UInt(first + count) * Page.size)
  }

  func unmap() {
    munmap(base, pages * Int(Page.size))
  }
}
