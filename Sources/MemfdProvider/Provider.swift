import CWinsockDirect
import Glibc
import Inspection
import MemfdNIC
import RegistrationCache
import VirtualMemory

/// The memfd provider between its first start and its last cleanup.
final class Provider: Sendable {
  /// What the published tables and the events call it.
  static let name = "memfd"

  /// The only way to the switch (C11).
  let upcalls: WSPUPCALLTABLEEX
  let publication: Publication
  let adapters: Adapters
  let cache: RegistrationCache
  let sockets: SocketTable
  let registrations: RegistrationTable
  let completions: CompletionThread
  let handovers = Handovers()

  /// Which of the published providers it is.
  var index: Int { Int(cache.provider) }

  /// Opens the adapters that PINDOWN_NICS names. Throws a line that says what is wrong.
  init(upcalls: WSPUPCALLTABLEEX) throws(StartUpFailure) {
    self.upcalls = upcalls
    let configurations = try Self.configurations()
    try Self.checkMode()
    let (pins, losses) = Self.pins()
    adapters = Adapters()
    do throws(InspectionError) {
      publication = try Publication.current()
    } catch {
      throw StartUpFailure("its state cannot be published: \(error)")
    }
    Self.publishAbilities(pins: pins != nil, in: publication)
    do throws(RegistrationCacheError) {
      cache = try RegistrationCache(
        providerName: Self.name, adapters: adapters.operations, pins: pins)
    } catch {
      throw StartUpFailure("its registration cache cannot be made: \(error)")
    }
    sockets = SocketTable()
    registrations = RegistrationTable(publication)
    completions = CompletionThread(upcalls: upcalls)
    CacheControl.add(cache)
    try open(configurations, pins)
    Self.report(losses)
  }

  private func open(
    _ configurations: [NICConfiguration], _ pins: PinTable?
  ) throws(StartUpFailure) {
    do throws(MemfdNICError) {
      try adapters.open(configurations, provider: index, pins: pins)
    } catch {
      cache.shutDown()
      throw StartUpFailure("an adapter cannot be opened: \(error)")
    }
    do throws(SocketsError) {
      try completions.start()
    } catch {
      adapters.shutDown()
      cache.shutDown()
      throw StartUpFailure("there is no room for a thread")
    }
    warmUp(pins: pins != nil)
  }

  /// What the callback does, before it is called in a hook.
  private func warmUp(pins: Bool) {
    adapters.warmUp(pins: pins)
    var error: INT = 0
    _ = memoryRegistrationCacheCallback(nil, 0, &error)
  }

  /// The adapters read it, too: before the first is opened it is known to make sense.
  private static func checkMode() throws(StartUpFailure) {
    do throws(MemfdNICError) {
      _ = try DMAMode.fromEnvironment()
    } catch .invalidConfiguration(let what) {
      throw StartUpFailure(what)
    } catch {
      throw StartUpFailure("PINDOWN_DMA: \(error)")
    }
  }

  private static func configurations() throws(StartUpFailure) -> [NICConfiguration] {
    let text = getenv("PINDOWN_NICS").map { String(cString: $0) } ?? ""
    do throws(MemfdNICError) {
      return try NICConfiguration.parse(text.isEmpty ? NICConfiguration.defaultText : text)
    } catch .invalidConfiguration(let what) {
      throw StartUpFailure("PINDOWN_NICS: \(what)")
    } catch {
      throw StartUpFailure("PINDOWN_NICS: \(error)")
    }
  }

  /// The provider of this process. Throws `.notInitialised` where it is not started, or in a child
  /// after a fork.
  static func started() throws(SocketsError) -> Provider {
    guard let provider = ProcessState.provider else { throw .notInitialised }
    return provider
  }

  /// Ends everything (C10): sockets, what was pending on them, what is cached, the adapters. All
  /// upcalls have been made when it returns, unless it was called in one.
  func shutDown() {
    for socket in sockets.all() { _ = socket.close() }
    handovers.withdrawAll()
    completions.stop()
    cache.shutDown()
    adapters.shutDown()
  }
}
