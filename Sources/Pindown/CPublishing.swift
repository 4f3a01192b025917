public import CPindown
import Glibc
import Inspection
import RegistrationCache
import VirtualMemory

// The provider kit, second part: what the control file system shows of a provider.

/// The publication of this process: there, because a cache was made.
private var publication: Publication {
  guard let publication = try? Publication.current() else {
    preconditionFailure("published without a cache")
  }
  return publication
}

/// The adapters' records, for counting in hook context: written before there is one to count for.
private nonisolated(unsafe) var countedPublication: Publication?

@c @implementation
public func pindown_nic_publish(
  _ cache: OpaquePointer!, _ name: UnsafePointer<CChar>!, _ address: UInt32,
  _ prefixLength: UInt32, _ maximumRegistrations: UInt64, _ maximumConnections: UInt64
) -> Int32 {
  countedPublication = publication
  let cache = Unmanaged<RegistrationCache>.fromOpaque(UnsafeRawPointer(cache)).takeUnretainedValue()
  do throws(RegistrationCacheError) {
    return Int32(
      try cache.publishAdapter(
        named: String(cString: name), address: address, prefixLength: prefixLength,
        maximumRegistrations: maximumRegistrations, maximumConnections: maximumConnections))
  } catch {
    return -ENOSPC
  }
}

@c @implementation
public func pindown_nic_withdraw(_ adapter: UInt32) {
  guard adapter < Layout.maximumNICs else { return }
  publication.update { publication.nic(Int(adapter)).state.store(0) }
}

// Hook context: no allocation here.
@c @implementation
public func pindown_nic_count(
  _ adapter: UInt32, _ counter: pindown_nic_counter, _ amount: Int64
) {
  guard adapter < Layout.maximumNICs, let word = counterWord(Int(adapter), counter) else { return }
  _ = word.add(UInt64(bitPattern: amount))
}

private func counterWord(_ adapter: Int, _ counter: pindown_nic_counter) -> SharedWord? {
  guard let record = countedPublication?.nic(adapter) else { return nil }
  return switch counter {
  case PINDOWN_NIC_REGISTRATIONS: record.registrations
  case PINDOWN_NIC_CONNECTIONS: record.queuePairs
  case PINDOWN_NIC_SENDS: record.sends
  case PINDOWN_NIC_RECEIVES: record.receives
  case PINDOWN_NIC_RDMA_WRITES: record.rdmaWrites
  case PINDOWN_NIC_RDMA_READS: record.rdmaReads
  case PINDOWN_NIC_BYTES_OUT: record.bytesOut
  case PINDOWN_NIC_BYTES_IN: record.bytesIn
  case PINDOWN_NIC_ERRORS: record.errors
  case PINDOWN_NIC_PROTECTION_ERRORS: record.protectionErrors
  default: nil
  }
}

@c @implementation
public func pindown_socket_publish(
  _ cache: OpaquePointer!, _ description: UnsafePointer<pindown_socket_record>!
) -> Int32 {
  guard let index = KitRecords.takeSocket() else { return -ENOSPC }
  let provider = Unmanaged<RegistrationCache>.fromOpaque(UnsafeRawPointer(cache))
    .takeUnretainedValue().provider
  let record = publication.socket(index)
  publication.update {
    record.provider.storeRelaxed(provider)
    record.registrations.storeRelaxed(0)
  }
  pindown_socket_update(UInt32(index), description)
  return Int32(index)
}

@c @implementation
public func pindown_socket_update(
  _ socket: UInt32, _ description: UnsafePointer<pindown_socket_record>!
) {
  guard KitRecords.sockets.contains(Int(socket)), let shown = description?.pointee else { return }
  let record = publication.socket(Int(socket))
  publication.update {
    record.nic.storeRelaxed(shown.adapter)
    record.localAddress.storeRelaxed(shown.local_address)
    record.localPort.storeRelaxed(shown.local_port)
    record.remoteAddress.storeRelaxed(shown.remote_address)
    record.remotePort.storeRelaxed(shown.remote_port)
    record.peerPID.storeRelaxed(shown.peer_pid)
    record.pendingSends.storeRelaxed(shown.pending_sends)
    record.pendingReceives.storeRelaxed(shown.pending_receives)
    record.state.storeReleasing(SocketState(rawValue: shown.state.rawValue)?.rawValue ?? 1)
  }
}

@c @implementation
public func pindown_socket_withdraw(_ socket: UInt32) {
  guard KitRecords.sockets.contains(Int(socket)) else { return }
  publication.update { publication.socket(Int(socket)).state.store(0) }
  KitRecords.giveBack(socket: Int(socket))
}

@c @implementation
public func pindown_use_publish(
  _ socket: UInt32, _ region: pindown_region, _ buffer: UnsafeRawPointer!, _ length: Int,
  _ access: UInt32, _ adapter: UInt32, _ remoteKey: UInt32
) -> Int32 {
  guard let index = KitRecords.takeRegistration() else { return -ENOSPC }
  let record = publication.registration(index)
  let start = UInt64(UInt(bitPattern: buffer))
  publication.update {
    record.socket.storeRelaxed(socket)
    record.region.storeRelaxed(region.slot)
    record.regionGeneration.storeRelaxed(region.generation)
    record.access.storeRelaxed(access)
    record.start.storeRelaxed(start)
    record.end.storeRelaxed(start + UInt64(length))
    record.nic.storeRelaxed(adapter)
    record.remoteKey.storeRelaxed(remoteKey)
    let life = record.word.loadRelaxed() >> 32
    record.word.storeReleasing(life << 32 | (remoteKey == 0 ? 1 : 2))
    if KitRecords.sockets.contains(Int(socket)) {
      publication.socket(Int(socket)).registrations.count()
    }
  }
  return Int32(index)
}

@c @implementation
public func pindown_use_withdraw(_ use: UInt32) {
  guard KitRecords.registrations.contains(Int(use)) else { return }
  let record = publication.registration(Int(use))
  publication.update {
    let socket = Int(record.socket.loadRelaxed())
    let life = (record.word.loadRelaxed() >> 32 + 1) & 0xFFFF_FFFF
    record.word.storeReleasing(life << 32)
    if KitRecords.sockets.contains(socket) {
      _ = publication.socket(socket).registrations.subtract(1)
    }
  }
  KitRecords.giveBack(registration: Int(use))
}
