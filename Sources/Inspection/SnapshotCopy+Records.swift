import VirtualMemory

// From records to values. Every number is somebody else's: ranges that end before they begin and
// states that this version does not know give nil.

extension ProviderSnapshot {
  init(_ record: ProviderRecord, index: Int, process: PublishedProcess) {
    self.init(
      index: index,
      name: process.text(at: record.name, capacity: ProviderRecord.nameBytes),
      maximumBytes: record.maximumBytes.loadAcquiring(),
      maximumRegions: record.maximumRegions.loadAcquiring(),
      hits: record.hitCount,
      misses: record.misses.loadAcquiring(),
      merges: record.merges.loadAcquiring(),
      evictions: record.evictions.loadAcquiring(),
      invalidations: record.invalidations.loadAcquiring(),
      registrations: record.registrations.loadAcquiring(),
      deregistrations: record.deregistrations.loadAcquiring(),
      failures: record.failures.loadAcquiring(),
      quarantined: record.quarantined.loadAcquiring(),
      regions: record.regions.loadAcquiring(),
      bytes: record.bytes.loadAcquiring(),
      pinnedBytes: record.pinnedBytes.loadAcquiring())
  }
}

extension NICSnapshot {
  init(_ record: NICRecord, index: Int, process: PublishedProcess) {
    self.init(
      index: index,
      name: process.text(at: record.name, capacity: NICRecord.nameBytes),
      address: record.address.loadAcquiring(),
      prefixLength: record.prefixLength.loadAcquiring(),
      provider: record.provider.loadAcquiring(),
      registrations: record.registrations.loadAcquiring(),
      queuePairs: record.queuePairs.loadAcquiring(),
      sends: record.sends.loadAcquiring(),
      receives: record.receives.loadAcquiring(),
      rdmaWrites: record.rdmaWrites.loadAcquiring(),
      rdmaReads: record.rdmaReads.loadAcquiring(),
      bytesOut: record.bytesOut.loadAcquiring(),
      bytesIn: record.bytesIn.loadAcquiring(),
      errors: record.errors.loadAcquiring(),
      protectionErrors: record.protectionErrors.loadAcquiring(),
      maximumRegistrations: record.maximumRegistrations.loadAcquiring(),
      maximumQueuePairs: record.maximumQueuePairs.loadAcquiring())
  }
}

extension SocketSnapshot {
  init?(_ record: SocketRecord, index: Int, state: UInt32) {
    guard let state = SocketState(rawValue: state), state != .free else { return nil }
    self.init(
      index: index,
      state: state,
      provider: record.provider.loadAcquiring(),
      nic: record.nic.loadAcquiring(),
      localAddress: record.localAddress.loadAcquiring(),
      localPort: record.localPort.loadAcquiring(),
      remoteAddress: record.remoteAddress.loadAcquiring(),
      remotePort: record.remotePort.loadAcquiring(),
      peerPID: record.peerPID.loadAcquiring(),
      pendingSends: record.pendingSends.loadAcquiring(),
      pendingReceives: record.pendingReceives.loadAcquiring(),
      registrations: record.registrations.loadAcquiring())
  }
}

extension RegionSnapshot {
  init?(_ record: RegionRecord, index: Int) {
    let word = record.word.loadAcquiring()
    guard let state = RegionState(rawValue: UInt8(truncatingIfNeeded: word >> 24)), state != .free
    else { return nil }
    let start = UInt(record.start.loadAcquiring())
    let end = UInt(record.end.loadAcquiring())
    guard start < end else { return nil }
    self.init(
      index: index,
      generation: UInt32(truncatingIfNeeded: word >> 32),
      state: state,
      references: UInt32(truncatingIfNeeded: word & 0xff_ffff),
      range: AddressRange(start: start, end: end),
      registeredAt: record.registeredAt.loadAcquiring(),
      provider: record.provider.loadAcquiring(),
      backing: Backing(rawValue: record.backing.loadAcquiring()),
      access: MemoryAccess(rawValue: UInt8(truncatingIfNeeded: record.access.loadAcquiring())),
      nicMask: record.nicMask.loadAcquiring(),
      keys: (0..<Layout.maximumNICs).map { record.key($0).loadAcquiring() },
      firstFrameChunk: record.firstFrameChunk.loadAcquiring(),
      frameCount: record.frameCount.loadAcquiring())
  }
}

extension RegistrationSnapshot {
  init?(_ record: RegistrationRecord, index: Int, word: UInt64) {
    let state = UInt32(truncatingIfNeeded: word)
    let start = UInt(record.start.loadAcquiring())
    let end = UInt(record.end.loadAcquiring())
    guard state == 1 || state == 2, start <= end else { return nil }
    self.init(
      index: index,
      generation: UInt32(truncatingIfNeeded: word >> 32),
      isExposed: state == 2,
      socket: record.socket.loadAcquiring(),
      region: record.region.loadAcquiring(),
      regionGeneration: record.regionGeneration.loadAcquiring(),
      access: MemoryAccess(rawValue: UInt8(truncatingIfNeeded: record.access.loadAcquiring())),
      range: AddressRange(start: start, end: end),
      nic: record.nic.loadAcquiring(),
      remoteKey: record.remoteKey.loadAcquiring())
  }
}
