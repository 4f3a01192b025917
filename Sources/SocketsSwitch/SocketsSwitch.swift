import CDynamicLoader
import Glibc
import Inspection
public import PageTracking
import VirtualMemory

/// The switch: loads providers, chooses one for each connection, and has every one of them called
/// before a mapping changes that one of them secured.
///
/// Any thread, but not hook context. The switch knows a provider only through its WSPStartupEx.
public final class SocketsSwitch: Sendable {
  private struct State {
    var providers: [LoadedProvider] = []
    var subnets = SubnetTable()
    var complaints: [CatalogComplaint] = []
    var isStopped = false
  }

  private let fanOut: ChangeFanOut
  var publication: Publication { fanOut.publication }
  private let state = Lock(State())

  /// Slots of the fan-out that are taken, by all switches of the process. Held while a provider is
  /// loaded or unloaded, so that only one is at a time.
  private static let slots = Lock<Set<Int>>([])

  private init(_ fanOut: ChangeFanOut) {
    self.fanOut = fanOut
  }

  deinit {
    stop()
  }

  /// Starts watching this process's mappings, and loads the providers of the catalogue.
  ///
  /// What is wrong with a file of the catalogue, or with the provider that it names, is in
  /// `complaints`, and on the standard error stream; the others are loaded.
  ///
  /// - Parameters:
  ///   - catalog: `.current()` where none is given.
  ///   - monitors: what watches the mappings; what `PINDOWN_MONITORS` says where not given, and
  ///     the standard set where that is not set either.
  /// - Throws: what is wrong with the first provider, where none could be loaded and one should.
  public static func start(
    catalog: ProviderCatalog? = nil, monitors: MonitorSet? = nil
  ) throws(SwitchError) -> SocketsSwitch {
    let started = SocketsSwitch(try .shared())
    try started.watch(monitors)
    try started.load(catalog ?? .current())
    return started
  }

  private func watch(_ monitors: MonitorSet?) throws(SwitchError) {
    if let monitors {
      try fanOut.start(monitors)
    } else {
      try fanOut.start(try .wanted())
    }
  }

  private func load(_ catalog: ProviderCatalog) throws(SwitchError) {
    var complaints = catalog.complaints
    var first: SwitchError?
    for entry in catalog.entries where entry.isEnabled {
      guard let library = entry.library else { continue }
      do throws(SwitchError) {
        try load(library)
      } catch {
        first = first ?? error
        complaints.append(CatalogComplaint(entry.file ?? entry.name, "\(error)"))
      }
    }
    if let first, providers.isEmpty { throw first }
    for complaint in complaints {
      let line = Array("pindown: \(complaint)\n".utf8)
      _ = write(STDERR_FILENO, line, line.count)
    }
    state.withLock { $0.complaints = complaints }
  }

  /// What was wrong with the catalogue when the switch was started.
  public var complaints: [CatalogComplaint] {
    state.withLock { state in state.complaints }
  }

  /// Starts watching this process's mappings, and loads these providers and no others.
  ///
  /// - Parameters:
  ///   - providers: paths of libraries.
  ///   - monitors: as above.
  /// - Throws: the first error of a provider; then nothing stays loaded.
  public static func start(
    providers: [String], monitors: MonitorSet? = nil
  ) throws(SwitchError) -> SocketsSwitch {
    let started = SocketsSwitch(try .shared())
    try started.watch(monitors)
    do throws(SwitchError) {
      for path in providers { try started.load(path) }
    } catch {
      started.stop()
      throw error
    }
    return started
  }

  /// The path of the library that this code is in: it carries the memfd provider.
  public static var memfdProvider: String {
    CDynamicLoader_own_library().map { String(cString: $0) } ?? ""
  }

  /// The adapters of all providers.
  public var adapters: [AdapterAddress] {
    state.withLock { state in state.subnets.entries.map(\.adapter) }
  }

  /// The paths of the providers that are loaded.
  public var providers: [String] {
    state.withLock { state in state.providers.map(\.library.path) }
  }

  /// Loads one more provider. Threads may be in the fan-out meanwhile.
  public func load(_ path: String) throws(SwitchError) {
    try Self.slots.withLock { (slots) throws(SwitchError) in
      guard let slot = (0..<Limits.maximumProviders).first(where: { !slots.contains($0) }) else {
        throw .tooManyProviders
      }
      let records = ProviderRecords(fanOut.publication)
      let library = try ProviderLibrary(path: path)
      do throws(SwitchError) {
        try register(library)
      } catch {
        library.stop()
        throw error
      }
      let record = records.claim(named: path)
      var provider = LoadedProvider(
        library: library, slot: nil, recordIndex: record.index, ownsRecord: record.isOurs)
      if let callback = library.functions.cacheCallback {
        fanOut.table.fill(slot, with: callback, publishedAs: record.index)
        slots.insert(slot)
        provider = LoadedProvider(
          library: library, slot: slot, recordIndex: record.index, ownsRecord: record.isOurs)
      }
      state.withLock { state in state.providers.append(provider) }
    }
  }

  /// Enters the provider's addresses, all or none.
  private func register(_ library: ProviderLibrary) throws(SwitchError) {
    try state.withLock { (state) throws(SwitchError) in
      if state.isStopped { throw .notStarted }
      var subnets = state.subnets
      for address in library.addresses {
        try subnets.add(address, prefixLength: prefixLength(of: address), of: library)
      }
      state.subnets = subnets
    }
  }

  /// What the provider's adapter publishes; the interface itself tells only addresses.
  private func prefixLength(of address: IPv4Address) -> UInt8 {
    for index in 0..<Layout.maximumNICs {
      let record = fanOut.publication.nic(index)
      if record.state.load() != 0, record.address.load() == address.rawValue {
        return UInt8(truncatingIfNeeded: min(record.prefixLength.load(), 32))
      }
    }
    return Limits.defaultPrefixLength
  }

  /// Unloads a provider: its callback leaves the fan-out, then it is cleaned up and unloaded.
  ///
  /// Its sockets must be closed by then. Threads may be in the fan-out meanwhile; the caller must
  /// not be.
  public func unload(_ path: String) throws(SwitchError) {
    let found = state.withLock { state -> LoadedProvider? in
      guard let index = state.providers.firstIndex(where: { $0.library.path == path }) else {
        return nil
      }
      state.subnets.remove(state.providers[index].library)
      return state.providers.remove(at: index)
    }
    guard let found else { throw .notStarted }
    release(found)
  }

  private func release(_ provider: LoadedProvider) {
    Self.slots.withLock { slots in
      if let slot = provider.slot {
        fanOut.table.clear(slot)
        slots.remove(slot)
      }
      provider.library.stop()
      if provider.ownsRecord {
        ProviderRecords.release(provider.recordIndex, of: fanOut.publication)
      }
    }
  }

  /// Unloads every provider. The connections must be closed by then.
  public func stop() {
    let providers = state.withLock { state -> [LoadedProvider] in
      defer { state = State(isStopped: true) }
      return state.providers
    }
    for provider in providers.reversed() { release(provider) }
  }

  func adapter(
    _ find: (SubnetTable) -> (AdapterAddress, ProviderLibrary)?, for address: IPv4Address
  ) throws(SwitchError) -> (AdapterAddress, ProviderLibrary) {
    try state.withLock { (state) throws(SwitchError) in
      if state.isStopped { throw .notStarted }
      guard let found = find(state.subnets) else { throw .noAdapter(address) }
      return found
    }
  }

  var libraries: [ProviderLibrary] {
    state.withLock { state in state.providers.map(\.library) }
  }
}
