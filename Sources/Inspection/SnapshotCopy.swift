import VirtualMemory

/// One pass over the tables of a process.
struct SnapshotCopy {
  let process: PublishedProcess
  let checks: SnapshotChecks
  var snapshot: ProcessSnapshot
  /// False once a record kept changing while it was read; it was left out.
  var isWhole = true

  init(process: PublishedProcess, checks: SnapshotChecks) {
    self.process = process
    self.checks = checks
    snapshot = ProcessSnapshot(identity: process.identity)
  }

  mutating func run() {
    copyHeader()
    copyProviders()
    copyNICs()
    copySockets()
    copyRegions()
    copyRegistrations()
  }

  private mutating func copyHeader() {
    let header = process.header
    snapshot.publishedAt = header.publishedAt.loadAcquiring()
    snapshot.eventCount = header.eventCount.loadAcquiring()
    snapshot.monitorsWanted = header.monitorsWanted.loadAcquiring()
    snapshot.monitorsRunning = header.monitorsRunning.loadAcquiring()
    snapshot.monitors = (0..<Layout.maximumMonitors).map(monitor)
    snapshot.abilities = header.abilities.loadAcquiring()
    snapshot.mappingChanges = header.mappingChanges.loadAcquiring()
    snapshot.callbacks = header.callbacks.loadAcquiring()
    snapshot.callbackFailures = header.callbackFailures.loadAcquiring()
    snapshot.securedRegions = header.securedRegions.loadAcquiring()
    snapshot.securedBytes = header.securedBytes.loadAcquiring()
    snapshot.controlSocketName = process.text(
      at: header.controlSocketName, capacity: ProcessHeader.controlSocketNameBytes)
  }

  private func monitor(_ index: Int) -> MonitorSnapshot {
    let record = process.header.monitor(index)
    let bit: UInt32 = 1 << UInt32(index)
    return MonitorSnapshot(
      bit: bit, isWanted: snapshot.monitorsWanted & bit != 0,
      isRunning: snapshot.monitorsRunning & bit != 0, events: record.events.loadAcquiring(),
      lastNanoseconds: record.lastNanoseconds.loadAcquiring(),
      totalNanoseconds: record.totalNanoseconds.loadAcquiring(),
      uncovered: process.text(at: record.uncovered, capacity: MonitorRecord.uncoveredBytes))
  }

  /// Reads one record between two looks at the word that its writer changes last.
  private mutating func read<Word: Equatable, Value>(
    _ word: () -> Word, _ body: (Word) -> Value?
  ) -> Value? {
    var before = word()
    for _ in 0..<Limits.recordAttempts {
      let value = body(before)
      let after = word()
      if after == before || checks == .none { return value }
      before = after
    }
    isWhole = false
    return nil
  }

  private mutating func copyProviders() {
    let process = process
    let used = process.usedRecords(
      ProviderRecord.self, offset: Layout.providersOffset, count: Layout.maximumProviders)
    for (index, record) in used {
      let provider = read({ record.state.loadAcquiring() }) { state in
        state == 0 ? nil : ProviderSnapshot(record, index: index, process: process)
      }
      if let provider { snapshot.providers.append(provider) }
    }
  }

  private mutating func copyNICs() {
    let process = process
    let used = process.usedRecords(
      NICRecord.self, offset: Layout.nicsOffset, count: Layout.maximumNICs)
    for (index, record) in used {
      let nic = read({ record.state.loadAcquiring() }) { state in
        state == 0 ? nil : NICSnapshot(record, index: index, process: process)
      }
      if let nic { snapshot.nics.append(nic) }
    }
  }

  private mutating func copySockets() {
    let used = process.usedRecords(
      SocketRecord.self, offset: Layout.socketsOffset, count: Layout.maximumSockets)
    for (index, record) in used {
      let socket = read({ record.state.loadAcquiring() }) { state in
        SocketSnapshot(record, index: index, state: state)
      }
      if let socket { snapshot.sockets.append(socket) }
    }
  }

  private mutating func copyRegions() {
    let used = process.usedRecords(
      RegionRecord.self, offset: Layout.regionsOffset, count: Layout.maximumRegions)
    for (index, record) in used {
      let referencesMask: UInt64 = 0xff_ffff
      // References come and go while a region stays the same.
      let region = read({ record.word.loadAcquiring() & ~referencesMask }) { _ in
        RegionSnapshot(record, index: index)
      }
      if let region { snapshot.regions.append(region) }
    }
  }

  private mutating func copyRegistrations() {
    let used = process.usedRecords(
      RegistrationRecord.self, offset: Layout.registrationsOffset,
      count: Layout.maximumRegistrations)
    for (index, record) in used {
      let registration = read({ record.word.loadAcquiring() }) { word in
        RegistrationSnapshot(record, index: index, word: word)
      }
      if let registration { snapshot.registrations.append(registration) }
    }
  }
}
