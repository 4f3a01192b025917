public import CPindown
import PageTracking
import VirtualMemory

// The C interface, last part: page tracking without the switch.

@c @implementation
public func pindown_watch(_ monitors: UnsafePointer<CChar>!) -> Int32 {
  ErrorText.noting(-1) {
    let named = try monitors.map { try MonitorSet(parsing: String(cString: $0)) }
    let wanted = try named ?? .ofEnvironment()
    try PageTracker.shared().start(wanted)
    return 0
  }
}

@c @implementation
public func pindown_subscribe(
  _ handler: pindown_change_handler!, _ context: UnsafeMutableRawPointer!
) -> Int32 {
  ErrorText.noting(-1) {
    guard let handler else { throw CallerError.noBuffer }
    return Int32(try PageTracker.shared().subscribe(handler, context: context))
  }
}

@c @implementation
public func pindown_unsubscribe(_ subscription: Int32) {
  ErrorText.noting(()) { try PageTracker.shared().unsubscribe(Int(subscription)) }
}

@c @implementation
public func pindown_secure(
  _ buffer: UnsafeRawPointer!, _ length: Int, _ access: UInt32
) -> UInt64 {
  ErrorText.noting(0) {
    guard let buffer else { throw CallerError.noBuffer }
    guard access >= 1, access <= 3 else { throw CallerError.badAccess(access) }
    let range = AddressRange(start: UInt(bitPattern: buffer), length: UInt(bitPattern: length))
    guard let pages = range?.pageAligned else { throw CallerError.badLength }
    let access = MemoryAccess(rawValue: UInt8(access))
    return try PageTracker.shared().secure(pages, access: access).rawValue
  }
}

@c @implementation
public func pindown_unsecure(_ region: UInt64) {
  // Hook context, where a handler calls it: no error is noted, because there can be none.
  guard let tracker = try? PageTracker.shared() else { return }
  tracker.unsecure(SecuredRegion(rawValue: region))
}
