// Hook context: the functions here are what the cache calls to remove a registration from an
// adapter. They allocate nothing.

import MemfdNIC
import RegistrationCache
import VirtualMemory

extension Adapters {
  /// What the cache calls. The adapters must outlive it.
  var operations: AdapterOperations {
    AdapterOperations(
      context: Unmanaged.passUnretained(self).toOpaque(),
      register: { context, adapter, start, end, pin, segment in
        guard let context else { return 0 }
        let adapters = Unmanaged<Adapters>.fromOpaque(context).takeUnretainedValue()
        return adapters.register(
          Int(adapter), AddressRange(start: start, end: end), pin: pin, segment: segment)
      },
      deregister: { context, adapter, key, deadline in
        guard let context else { return false }
        let adapters = Unmanaged<Adapters>.fromOpaque(context).takeUnretainedValue()
        return adapters[Int(adapter)].deregister(
          RegistrationKey(rawValue: key), deadline: deadline)
      })
  }

  /// The key of a new registration, or 0 where the adapter has no room.
  private func register(
    _ adapter: Int, _ range: AddressRange, pin: UInt64, segment: UInt64
  ) -> UInt32 {
    let backing: RegionBacking
    if segment != 0 {
      let place = SegmentTable.shared.location(
        of: SegmentUse(rawValue: segment), at: range.start)
      backing = .mapped(alias: place.alias, descriptor: place.descriptor, offset: place.offset)
    } else {
      backing = .pinned(PinSlot(rawValue: pin))
    }
    do throws(MemfdNICError) {
      return try self[adapter].register(range, backing: backing).rawValue
    } catch {
      return 0
    }
  }

  /// Goes once through what a hook may do, so that a hook is never the first to meet a type. Not
  /// for hook context itself.
  ///
  /// - Parameter pins: whether the adapters can have pinned memory.
  func warmUp(pins: Bool) {
    // Of memory that nobody has, and that no transfer can name.
    if pins { warmUp(AddressRange(start: Page.size, end: 2 * Page.size), segment: 0) }
    // Without room for a page nothing can be registered either.
    guard let segment = try? MemfdSegment(byteCount: Page.size),
      let range = AddressRange(
        start: UInt(bitPattern: segment.baseAddress), length: Page.size),
      let use = SegmentTable.shared.use(of: range)
    else { return }
    warmUp(range, segment: use.rawValue)
    SegmentTable.shared.release(use)
  }

  private func warmUp(_ range: AddressRange, segment: UInt64) {
    let operations = operations
    for index in 0..<UInt32(count) {
      let key = operations.register(
        operations.context, index, range.start, range.end, 0, segment)
      if key != 0 { _ = operations.deregister(operations.context, index, key, 0) }
    }
  }
}
