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
}
