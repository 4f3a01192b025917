import Glibc
import Inspection
import RegistrationCache

/// Carries out what is asked of the provider's cache from outside, through the control file system.
///
/// On the control server's thread, never in hook context.
enum ControlHandler {
  static func carryOut(_ request: ControlRequest, on cache: RegistrationCache) -> ControlReply {
    guard request.provider == Provider.name else {
      return .failed(errno: ENODEV, reason: "the process has no provider `\(request.provider)`")
    }
    switch request {
    case .flush: cache.flush()
    case .setMaximumBytes(_, let bytes): cache.limits.maximumBytes = bytes
    case .setMaximumRegions(_, let regions): cache.limits.maximumRegions = regions
    case .invalidate(_, let range):
      switch cache.invalidate(range) {
      case .invalidated: break
      case .notCached: return .failed(errno: ENOENT, reason: "nothing is registered there")
      case .failed:
        return .failed(errno: EBUSY, reason: "it is in use and did not end in time; quarantined")
      }
    }
    return .ok
  }
}
