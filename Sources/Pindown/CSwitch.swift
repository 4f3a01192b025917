public import CPindown
import PageTracking
import SocketsSwitch
import VirtualMemory

// The C interface, first part: version, errors, start and stop. The names are the header's.

/// The switch of the C interface.
enum CSwitch {
  private static let started = Lock<SocketsSwitch?>(nil)

  static func start(_ make: () throws -> SocketsSwitch) throws {
    let failure = started.withLock { started -> (any Error)? in
      if started != nil { return CallerError.startedTwice }
      do {
        started = try make()
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  static func current() throws -> SocketsSwitch {
    guard let current = started.withLock({ $0 }) else { throw CallerError.notStarted }
    return current
  }

  static func stop() throws {
    try current().stop()
    started.withLock { $0 = nil }
  }
}

@c @implementation
public func pindown_version() -> UInt32 { UInt32(PINDOWN_VERSION) }

@c @implementation
public func pindown_error() -> UnsafePointer<CChar>! { CPindown_get_error() }

@c @implementation
public func pindown_start(_ options: UnsafePointer<pindown_options>!) -> Int32 {
  ErrorText.noting(-1) {
    var providers: [String] = []
    var monitors: MonitorSet?
    if let options = options?.pointee {
      guard options.size == MemoryLayout<pindown_options>.size else {
        throw CallerError.unknownSize(options.size)
      }
      if options.provider_count > 0 {
        let paths = UnsafeBufferPointer(
          start: options.providers, count: Int(options.provider_count))
        providers = paths.compactMap { path in path.map { String(cString: $0) } }
      }
      monitors = try options.monitors.map { try MonitorSet(parsing: String(cString: $0)) }
    }
    try CSwitch.start {
      // None are named: those of the catalogue, and the memfd provider.
      if providers.isEmpty { return try SocketsSwitch.start(monitors: monitors) }
      return try SocketsSwitch.start(providers: providers, monitors: monitors)
    }
    return 0
  }
}

@c @implementation
public func pindown_stop() -> Int32 {
  ErrorText.noting(-1) {
    try CSwitch.stop()
    return 0
  }
}
