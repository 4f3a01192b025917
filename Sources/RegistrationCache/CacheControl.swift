import Glibc
import Inspection
import VirtualMemory

/// Carries out what the control file system asks of the caches of this process: one control server
/// for all of them, there as long as there is a cache. Not for hook context.
package enum CacheControl {
  private struct Served {
    var pid: Int32
    var server: ControlServer?
    var caches: [String: RegistrationCache]
  }

  private static let served = Lock(Served(pid: 0, server: nil, caches: [:]))

  /// Takes requests for a cache from here on. Where no server can be started there are none.
  package static func add(_ cache: RegistrationCache) {
    served.withLock { served in
      // A child after a fork has the caches of its parent in its memory, and no server.
      if served.pid != getpid() { served = Served(pid: getpid(), server: nil, caches: [:]) }
      served.caches[cache.providerName] = cache
      if served.server == nil {
        served.server = try? ControlServer(publication: cache.publication, handler: carryOut)
      }
    }
  }

  /// Takes no more requests for a cache, and is in none when this returns.
  package static func remove(_ cache: RegistrationCache) {
    let last = served.withLock { served -> ControlServer? in
      guard served.pid == getpid(), served.caches[cache.providerName] === cache else { return nil }
      served.caches[cache.providerName] = nil
      if !served.caches.isEmpty { return nil }
      defer { served.server = nil }
      return served.server
    }
    // Without the lock: a request may be waiting for it.
    last?.stop()
  }

  private static func carryOut(_ request: ControlRequest) -> ControlReply {
    // Within the lock, so that the cache is not shut down meanwhile.
    served.withLock { served in
      guard let cache = served.caches[request.provider] else {
        return .failed(errno: ENODEV, reason: "the process has no provider `\(request.provider)`")
      }
      return cache.carryOut(request)
    }
  }
}

extension RegistrationCache {
  /// The name under which the cache is published.
  package var providerName: String {
    let bytes = UnsafeRawBufferPointer(start: record.name, count: ProviderRecord.nameBytes)
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  fileprivate func carryOut(_ request: ControlRequest) -> ControlReply {
    switch request {
    case .flush: flush()
    case .setMaximumBytes(_, let bytes): limits.maximumBytes = bytes
    case .setMaximumRegions(_, let regions): limits.maximumRegions = regions
    case .invalidate(_, let range):
      switch invalidate(range) {
      case .invalidated: break
      case .notCached: return .failed(errno: ENOENT, reason: "nothing is registered there")
      case .failed:
        return .failed(errno: EBUSY, reason: "it is in use and did not end in time; quarantined")
      }
    }
    return .ok
  }
}
