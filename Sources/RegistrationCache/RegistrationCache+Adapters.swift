import Glibc
import Inspection
import VirtualMemory

extension RegistrationCache {
  /// Publishes an adapter of the cache's provider: the control file system shows it, and what is
  /// registered there. Not for hook context.
  ///
  /// - Parameters:
  ///   - name: its folder; cut after 31 bytes.
  ///   - address: IPv4, first byte in the highest bits.
  ///   - prefixLength: of its network, in bits.
  /// - Returns: the number by which the cache knows the adapter.
  /// - Throws: `.exhausted` where the process has too many adapters.
  public func publishAdapter(
    named name: String, address: UInt32, prefixLength: UInt32,
    maximumRegistrations: UInt64 = .max, maximumConnections: UInt64 = .max
  ) throws(RegistrationCacheError) -> Int {
    guard let index = KitRecords.takeNIC(in: publication) else { throw .exhausted }
    let record = publication.nic(index)
    publication.update {
      // All but the state, which is stored last.
      memset(record.base + 4, 0, NICRecord.stride - 4)
      record.address.store(address)
      record.prefixLength.store(min(prefixLength, 32))
      record.provider.store(provider)
      let bytes = Array(name.utf8.prefix(NICRecord.nameBytes - 1))
      record.name.copyMemory(from: bytes, byteCount: bytes.count)
      record.maximumRegistrations.store(maximumRegistrations)
      record.maximumQueuePairs.store(maximumConnections)
      record.state.storeReleasing(1)
    }
    return index
  }

  /// Takes an adapter out of what is published; nothing may be registered there.
  public func withdrawAdapter(_ index: Int) {
    precondition(index >= 0 && index < Layout.maximumNICs, "no such adapter")
    publication.update { publication.nic(index).state.store(0) }
  }
}
