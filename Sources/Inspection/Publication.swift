import CLinuxMemory
package import VirtualMemory

/// The published state of this process: the writer's side of the memfd.
///
/// `start()` maps it; after that every member is safe in hook context, from any thread. The
/// mapping is not inherited by a fork: a child publishes nothing until it starts again.
package struct Publication: @unchecked Sendable {
  package let base: UnsafeMutableRawPointer
  package let descriptor: Int32

  package var header: ProcessHeader { ProcessHeader(base: base) }
  package func provider(_ index: Int) -> ProviderRecord {
    record(Layout.providersOffset, index, Layout.maximumProviders)
  }
  package func nic(_ index: Int) -> NICRecord {
    record(Layout.nicsOffset, index, Layout.maximumNICs)
  }
  package func socket(_ index: Int) -> SocketRecord {
    record(Layout.socketsOffset, index, Layout.maximumSockets)
  }
  package func region(_ index: Int) -> RegionRecord {
    record(Layout.regionsOffset, index, Layout.maximumRegions)
  }
  package func registration(_ index: Int) -> RegistrationRecord {
    record(Layout.registrationsOffset, index, Layout.maximumRegistrations)
  }
  package func frameChunk(_ index: Int) -> FrameChunk {
    record(Layout.framesOffset, index, Layout.maximumFrameChunks)
  }
  package func event(_ index: Int) -> EventRecord {
    record(Layout.eventsOffset, index, Layout.maximumEvents)
  }

  private func record<R: Record>(_ offset: Int, _ index: Int, _ count: Int) -> R {
    precondition(index >= 0 && index < count, "a record outside its table")
    return R(base: base + (offset + index * R.stride))
  }

  /// Runs `body`, which changes records, between the two counters by which readers know whether
  /// they saw a consistent state.
  package func update<Result>(_ body: () -> Result) -> Result {
    header.updatesStarted.add(1)
    let result = body()
    header.updatesFinished.add(1)
    return result
  }

  /// Appends to the event log; when it is full the oldest event is overwritten.
  package func append(
    _ kind: EventKind, range: AddressRange? = nil, detail: UInt32 = 0, status: Int32 = 0,
    provider: UInt32 = .max, nic: UInt32 = .max, socket: UInt32 = .max, duration: UInt64 = 0
  ) {
    let number = header.eventCount.add(1)
    let event = event(Int(number % UInt64(Layout.maximumEvents)))
    event.sequence.store(0)
    event.time.storeRelaxed(CLinuxMemory_realtime())
    event.start.storeRelaxed(UInt64(range?.start ?? 0))
    event.end.storeRelaxed(UInt64(range?.end ?? 0))
    event.kind.storeRelaxed(kind.rawValue)
    event.detail.storeRelaxed(detail)
    event.status.storeRelaxed(UInt32(bitPattern: status))
    event.provider.storeRelaxed(provider)
    event.nic.storeRelaxed(nic)
    event.socket.storeRelaxed(socket)
    event.thread.storeRelaxed(UInt32(bitPattern: CLinuxMemory_thread_id()))
    event.duration.storeRelaxed(duration)
    event.sequence.storeReleasing(number + 1)
  }
}
