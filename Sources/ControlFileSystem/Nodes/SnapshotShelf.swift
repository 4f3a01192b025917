import Inspection
import VirtualMemory

/// The copies that one request has made.
final class SnapshotShelf: Sendable {
  private let processes = Lock<[PublishedProcess]?>(nil)
  private let snapshots = Lock<[ProcessIdentity: ProcessSnapshot]>([:])

  func processes(_ find: () -> [PublishedProcess]) -> [PublishedProcess] {
    processes.withLock { processes in
      if let processes { return processes }
      let found = find()
      processes = found
      return found
    }
  }

  func snapshot(
    of identity: ProcessIdentity, _ copy: () -> ProcessSnapshot
  ) -> ProcessSnapshot {
    snapshots.withLock { snapshots in
      if let snapshot = snapshots[identity] { return snapshot }
      let snapshot = copy()
      snapshots[identity] = snapshot
      return snapshot
    }
  }
}
