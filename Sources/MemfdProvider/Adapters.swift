import Inspection
import MemfdNIC
import RegistrationCache
import VirtualMemory

/// The adapters that the provider drives.
///
/// Opened once, before anything else uses them; after that only read.
final class Adapters: @unchecked Sendable {
  private typealias Entry = Unmanaged<MemfdNIC>

  private let entries: UnsafeMutablePointer<Entry>
  private(set) var count = 0
  /// Open connections of each.
  private let connections: UnsafeMutablePointer<UInt32>

  init() {
    entries = .allocate(capacity: Layout.maximumNICs)
    connections = .allocate(capacity: Layout.maximumNICs)
    connections.initialize(repeating: 0, count: Layout.maximumNICs)
  }

  deinit {
    for index in 0..<count { entries[index].release() }
    entries.deallocate()
    connections.deallocate()
  }

  /// Opens an adapter for each configuration. Throws what the first that cannot be opened says; the
  /// others are shut down again then.
  func open(
    _ configurations: [NICConfiguration], provider: Int, pins: PinTable?
  ) throws(MemfdNICError) {
    for configuration in configurations {
      do throws(MemfdNICError) {
        if Self.isTaken(count) { throw .exhausted }
        let adapter = try MemfdNIC(configuration, index: count, provider: provider, pins: pins)
        (entries + count).initialize(to: .passRetained(adapter))
        count += 1
      } catch {
        shutDown()
        throw error
      }
    }
  }

  /// Whether another provider's adapter has the record: theirs are taken from the end.
  private static func isTaken(_ index: Int) -> Bool {
    guard index < Layout.maximumNICs, let publication = try? Publication.current() else {
      return false
    }
    return publication.nic(index).state.load() != 0
  }

  /// Ends all adapters; nothing may be registered at them.
  func shutDown() {
    for index in 0..<count { self[index].shutDown() }
  }

  subscript(_ index: Int) -> MemfdNIC {
    precondition(index >= 0 && index < count, "no such adapter")
    return entries[index].takeUnretainedValue()
  }

  /// The adapter that has the address. Engine threads ask, too.
  func index(of address: IPv4Address) -> Int? {
    for index in 0..<count where self[index].configuration.address == address { return index }
    return nil
  }

  /// The adapter in whose network the address lies; with the longest prefix, where there are more.
  func index(reaching address: IPv4Address) -> Int? {
    (0..<count).filter { self[$0].configuration.contains(address) }
      .max { self[$0].configuration.prefixLength < self[$1].configuration.prefixLength }
  }

  /// Counts a connection. Engine threads call it.
  func connectionOpened(_ index: Int) {
    SharedHalfWord(connections + index).add(1)
  }

  /// Counts a connection off; with the last one, what is cached for the adapter goes (decision 4).
  func connectionClosed(_ index: Int, _ cache: RegistrationCache) {
    if SharedHalfWord(connections + index).subtract(1) == 1 {
      cache.releaseCached(adapter: index)
    }
  }
}
