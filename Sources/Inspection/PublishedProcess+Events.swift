import VirtualMemory

extension PublishedProcess {
  /// The number of events that the process ever began to append.
  package var eventCount: UInt64 { header.eventCount.load() }

  /// Updates begun: moves with every change of the tables. Cheaper than a snapshot.
  package var updatesStarted: UInt64 { header.updatesStarted.load() }

  /// Reads the events from `number` on, as far as they are complete.
  ///
  /// - Parameter skippingIncomplete: leave out an event that was begun and is not complete, instead
  ///   of ending before it.
  package func events(from number: UInt64, skippingIncomplete: Bool = false) -> EventBatch {
    let count = eventCount
    var batch = EventBatch(next: min(number, count))
    let oldest = count - min(count, UInt64(Layout.maximumEvents))
    if batch.next < oldest {
      batch.lost = oldest - batch.next
      batch.next = oldest
    }
    while batch.next < count {
      switch event(batch.next) {
      case .complete(let event): batch.events.append(event)
      case .overwritten: batch.lost += 1
      case .incomplete:
        if !skippingIncomplete {
          batch.isIncomplete = true
          return batch
        }
      }
      batch.next += 1
    }
    return batch
  }

  private enum EventSlot {
    case complete(EventSnapshot)
    case incomplete
    case overwritten
  }

  private func event(_ number: UInt64) -> EventSlot {
    let slot = Int(number % UInt64(Layout.maximumEvents))
    let record = EventRecord(base: base + (Layout.eventsOffset + slot * EventRecord.stride))
    let before = record.sequence.loadAcquiring()
    if before > number + 1 { return .overwritten }
    if before != number + 1 { return .incomplete }
    let event = EventSnapshot(record, number: number)
    // 0 here: the next event for this place has been begun.
    return record.sequence.loadAcquiring() == before ? .complete(event) : .overwritten
  }
}

extension EventSnapshot {
  init(_ record: EventRecord, number: UInt64) {
    let start = UInt(record.start.loadAcquiring())
    let end = UInt(record.end.loadAcquiring())
    self.init(
      number: number,
      time: record.time.loadAcquiring(),
      range: start < end ? AddressRange(start: start, end: end) : nil,
      kind: record.kind.loadAcquiring(),
      detail: record.detail.loadAcquiring(),
      status: Int32(bitPattern: record.status.loadAcquiring()),
      provider: record.provider.loadAcquiring(),
      nic: record.nic.loadAcquiring(),
      socket: record.socket.loadAcquiring(),
      thread: record.thread.loadAcquiring(),
      duration: record.duration.loadAcquiring())
  }
}
