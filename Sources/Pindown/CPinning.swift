import CPindown
import Glibc
import PageTracking
import VirtualMemory

// The provider kit, last part: pins, page frames and the audit, for caches of other people's.

private func pins(_ handle: OpaquePointer) -> PinTable {
  Unmanaged<PinTable>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

@c @implementation
public func pindown_pins_open(_ handle: UnsafeMutablePointer<OpaquePointer?>!) -> Int32 {
  guard let handle else { return -EINVAL }
  do throws(VirtualMemoryError) {
    handle.pointee = OpaquePointer(Unmanaged.passRetained(try PinTable()).toOpaque())
    return 0
  } catch {
    return error.code
  }
}

@c @implementation
public func pindown_pins_close(_ handle: OpaquePointer!) {
  Unmanaged<PinTable>.fromOpaque(UnsafeRawPointer(handle)).release()
}

@c @implementation
public func pindown_pin(
  _ handle: OpaquePointer!, _ buffer: UnsafeRawPointer!, _ length: Int,
  _ pin: UnsafeMutablePointer<UInt64>!
) -> Int32 {
  guard let pin, length > 0,
    let range = AddressRange(start: UInt(bitPattern: buffer), length: UInt(bitPattern: length)),
    let pages = range.pageAligned
  else { return -EINVAL }
  do throws(VirtualMemoryError) {
    pin.pointee = try pins(handle).pin(pages).rawValue
    return 0
  } catch {
    return error.code
  }
}

// Hook context: no allocation here.
@c @implementation
public func pindown_unpin(_ handle: OpaquePointer!, _ pin: UInt64) {
  pins(handle).unpin(PinSlot(rawValue: pin))
}

@c @implementation
public func pindown_record_mapping(_ region: UInt64, _ isPinned: Bool) -> Bool {
  guard let tracker = try? PageTracker.shared() else { return false }
  return tracker.recordMapping(of: SecuredRegion(rawValue: region), isPinned: isPinned)
}

@c @implementation
public func pindown_may_use(_ region: UInt64) -> Bool {
  guard let tracker = try? PageTracker.shared() else { return false }
  if tracker.attention.load() == 0 || !tracker.attend() { return true }
  return tracker.verify(SecuredRegion(rawValue: region))
}

@c @implementation
public func pindown_page_frames(
  _ buffer: UnsafeRawPointer!, _ length: Int, _ frames: UnsafeMutablePointer<UInt64>!, _ room: Int
) -> Int64 {
  guard let frames, room >= 0, length > 0,
    let range = AddressRange(start: UInt(bitPattern: buffer), length: UInt(bitPattern: length)),
    let pages = range.pageAligned
  else { return Int64(-EINVAL) }
  do throws(VirtualMemoryError) {
    let reader = try PageFrames()
    return Int64(reader.read(pages, into: UnsafeMutableBufferPointer(start: frames, count: room)))
  } catch {
    return Int64(error.code)
  }
}

extension VirtualMemoryError {
  /// As the C interface answers.
  fileprivate var code: Int32 {
    switch self {
    case .notMapped: -EFAULT
    case .exhausted: -ENOBUFS
    case .unavailable: -EOPNOTSUPP
    case .notPermitted: -EPERM
    case .system(let errno): -errno
    }
  }
}
