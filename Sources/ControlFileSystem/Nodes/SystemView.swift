import CLinuxMemory
import Inspection
import VirtualMemory

/// The processes of this machine, and what was read of them a moment ago.
final class SystemView: Sendable {
  private let scanner: ProcessScanner
  private let recent = Lock<[ProcessIdentity: (time: UInt64, snapshot: ProcessSnapshot)]>([:])
  private let generation = Lock<(fingerprint: Int, number: UInt64)>((0, 0))

  init(_ scanner: ProcessScanner) {
    self.scanner = scanner
  }

  /// Every process that publishes and that this reader may see.
  func processes(visibleTo reader: Reader) -> [PublishedProcess] {
    let processes = scanner.processes()
    let living = Set(processes.map(\.identity))
    recent.withLock { recent in
      recent = recent.filter { living.contains($0.key) }
    }
    return processes.filter { reader.mayKnow($0) }
  }

  func process(_ pid: Int32) -> PublishedProcess? { scanner.process(pid) }

  func process(_ identity: ProcessIdentity) -> PublishedProcess? {
    guard let process = scanner.process(identity.pid), process.identity == identity else {
      return nil
    }
    return process
  }

  func snapshot(of process: PublishedProcess, use: SnapshotUse) -> ProcessSnapshot {
    let now = CLinuxMemory_monotonic()
    if use == .structure, let known = recent.withLock({ $0[process.identity] }),
      now - known.time < Limits.structureNanoseconds, known.snapshot.isConsistent,
      known.snapshot.generation == process.updatesStarted
    {
      return known.snapshot
    }
    let snapshot = process.snapshot()
    recent.withLock { $0[process.identity] = (now, snapshot) }
    return snapshot
  }

  /// What changes whenever one of the processes has changed something.
  func fingerprint(of processes: [PublishedProcess]) -> Int {
    var hasher = Hasher()
    for process in processes {
      hasher.combine(process.identity)
      hasher.combine(process.updatesStarted)
      hasher.combine(process.eventCount)
    }
    return hasher.finalize()
  }

  /// Counts the changes of all processes together, as far as somebody looked.
  func generation(of processes: [PublishedProcess]) -> UInt64 {
    let fingerprint = fingerprint(of: processes)
    return generation.withLock { generation in
      if generation.fingerprint != fingerprint {
        generation = (fingerprint, generation.number + 1)
      }
      return generation.number
    }
  }
}
