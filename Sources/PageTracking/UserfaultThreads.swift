import CLinuxMemory
import VirtualMemory

/// The thread that reads the kernel's events and the one that reports them. Both live as long as
/// the process, or until the application has closed the descriptor.
final class UserfaultThreads: Sendable {
  private let tracker: PageTracker
  private let descriptor: Int32
  private let inode: UInt64
  private let queue: EventQueue

  /// Starts them; nil where there is no memory or no thread.
  init?(_ tracker: PageTracker, _ descriptor: Int32) {
    guard let queue = EventQueue() else { return nil }
    self.tracker = tracker
    self.descriptor = descriptor
    inode = CLinuxMemory_inode(descriptor)
    self.queue = queue
    // The threads' reference: never given back.
    let context = Unmanaged.passRetained(self).toOpaque()
    guard
      CLinuxMemory_start_thread("pindown-report", Self.report, context) == 0,
      CLinuxMemory_start_thread("pindown-events", Self.read, context) == 0
    else { return nil }
  }

  /// Lets regions be watched: from here on there are events.
  func publish() {
    tracker.words.eventSource.store(UInt32(descriptor) + 1)
  }

  private static let read: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
    context in
    guard let context else { return nil }
    Unmanaged<UserfaultThreads>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.readToTheEnd() }
    return nil
  }

  private static let report: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? =
    { context in
      guard let context else { return nil }
      Unmanaged<UserfaultThreads>.fromOpaque(context)._withUnsafeGuaranteedRef {
        $0.reportToTheEnd()
      }
      return nil
    }

  /// Some thread, possibly inside malloc, waits for every event until it is read here: no
  /// allocation, no lock, nobody is called.
  private func readToTheEnd() {
    let words = tracker.words
    withUnsafeTemporaryAllocation(of: CLinuxMemory_mapping_event.self, capacity: 16) { events in
      while CLinuxMemory_userfaultfd_wait(descriptor, inode) {
        words.announceBatch()
        while true {
          let count = CLinuxMemory_userfaultfd_read(descriptor, events.baseAddress, 16)
          if count <= 0 { break }
          for index in 0..<Int(count) where events[index].kind != 0 { queue.push(events[index]) }
        }
        finishBatch()
      }
    }
    // The kernel lets everybody go on who waits for a descriptor that is closed.
    words.eventSource.store(0)
    words.announceBatch()
    queue.end()
    finishBatch()
  }

  private func finishBatch() {
    tracker.words.read.add(1)
    CLinuxMemory_futex_wake(tracker.words.base + 12, 1)
  }

  /// Hook context: subscribers are called.
  private func reportToTheEnd() {
    let words = tracker.words
    words.eventThread.store(UInt32(bitPattern: CLinuxMemory_thread_id()))
    while true {
      // Read before the queue is emptied: what is in these batches is in the queue.
      let batch = words.read.load()
      let isEnded = queue.isEnded
      if queue.takeLost(), words.reportsEvents.load() != 0 { tracker.everythingChanged() }
      while let event = queue.take() { report(event) }
      if batch == words.settled.load() {
        if isEnded { return }
        _ = CLinuxMemory_futex_wait(words.base + 12, batch, -1)
      } else {
        words.settleBatches(upTo: batch)
      }
    }
  }

  private func report(_ event: CLinuxMemory_mapping_event) {
    if tracker.words.reportsEvents.load() == 0 { return }
    let range = AddressRange(start: UInt(event.start), end: UInt(event.end))
    switch Int(event.kind) {
    case CLinuxMemory_mapping_event_unmap:
      tracker.didChange(range, kind: MappingChangeKind.munmap.rawValue)
    case CLinuxMemory_mapping_event_remap:
      tracker.didChange(range, kind: MappingChangeKind.mremap.rawValue)
    default:
      // The pages go while this is under way: there is nothing to compare yet.
      tracker.willChange(
        range, kind: MappingChangeKind.madvise.rawValue, remaining: [], by: .userfaultfd)
    }
  }
}
