import CWinsockDirect
import Inspection
import RegistrationCache
import VirtualMemory

/// What is out in handles and descriptors: the published records, and which of them are free.
///
/// A handle is the number of a record and of its present life, never an address; a stale or invented
/// one names nothing (C39).
final class RegistrationTable: Sendable {
  /// The states of a record, bits 0-31 of its word.
  enum Kind: UInt64 {
    case free = 0
    case local, exposed
  }

  private struct FreeList {
    /// 1 + the first free record that was used before; 0 for none.
    var head: UInt32 = 0
    /// Records below this one have been used.
    var used = 0
  }

  private let publication: Publication
  private let free = Lock(FreeList())

  init(_ publication: Publication) {
    self.publication = publication
  }

  func record(_ index: UInt32) -> RegistrationRecord { publication.registration(Int(index)) }

  /// A new record, or nil where there is none left.
  func add(
    _ kind: Kind, socket: Int, adapter: Int, range: AddressRange, access: MemoryAccess,
    region: RegionReference
  ) -> UInt32? {
    guard let index = takeFree() else { return nil }
    let record = record(index)
    publication.update {
      record.socket.storeRelaxed(UInt32(socket))
      record.region.storeRelaxed(region.slot)
      record.regionGeneration.storeRelaxed(region.generation)
      record.access.storeRelaxed(UInt32(access.rawValue))
      record.start.storeRelaxed(UInt64(range.start))
      record.end.storeRelaxed(UInt64(range.end))
      record.nic.storeRelaxed(UInt32(adapter))
      record.remoteKey.storeRelaxed(0)
      record.users.storeRelaxed(0)
      let life = record.word.loadRelaxed() >> 32
      record.word.storeReleasing(life << 32 | kind.rawValue)
    }
    return index
  }

  /// Ends the life of a record that nothing uses.
  func remove(_ index: UInt32) {
    let record = record(index)
    precondition(record.users.load() == 0, "a registration is removed while it is used")
    publication.update {
      let life = (record.word.loadRelaxed() >> 32 + 1) & 0xFFFF_FFFF
      record.word.storeReleasing(life << 32)
    }
    free.withLock { free in
      record.next.storeRelaxed(free.head)
      free.head = index + 1
    }
  }

  private func takeFree() -> UInt32? {
    free.withLock { free in
      if free.head != 0 {
        let index = free.head - 1
        free.head = record(index).next.loadRelaxed()
        return index
      }
      if free.used == ProviderLimits.maximumRegistrations { return nil }
      free.used += 1
      return UInt32(free.used - 1)
    }
  }

  /// What the SPI knows the record by.
  func handle(_ index: UInt32) -> HANDLE? {
    let life = record(index).word.loadRelaxed() >> 32
    return HANDLE(bitPattern: UInt(life << 32 | UInt64(index) + 1))
  }

  /// The live local registration of `socket` that the handle names; nil for any other handle.
  func index(of handle: HANDLE?, socket: Int) -> UInt32? {
    let bits = UInt64(UInt(bitPattern: handle))
    let number = bits & 0xFFFF_FFFF
    guard number >= 1, number <= UInt64(ProviderLimits.maximumRegistrations) else { return nil }
    let index = UInt32(number - 1)
    let record = record(index)
    guard record.word.loadAcquiring() == bits & ~0xFFFF_FFFF | Kind.local.rawValue,
      record.socket.loadRelaxed() == UInt32(socket)
    else { return nil }
    return index
  }
}
