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
  func warmUp() {
    let operations = operations
    for index in 0..<UInt32(count) {
      // Of memory that nobody has, and that no transfer can name.
      let key = operations.register(operations.context, index, Page.size, 2 * Page.size, 0, 0)
      if key != 0 { _ = operations.deregister(operations.context, index, key, 0) }
    }
  }
}
