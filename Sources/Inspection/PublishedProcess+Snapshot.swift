import Glibc
import VirtualMemory

extension PublishedProcess {
  /// Copies the used parts of the tables.
  ///
  /// It ends after a bounded number of attempts, also where the process was stopped in the middle
  /// of an update; see `ProcessSnapshot.isConsistent`. Any thread.
  package func snapshot(checks: SnapshotChecks = .all) -> ProcessSnapshot {
    for attempt in 1... {
      let finished = header.updatesFinished.load()
      var copy = SnapshotCopy(process: self, checks: checks)
      copy.run()
      copy.snapshot.generation = finished
      if checks == .none { return copy.snapshot }
      // Whatever began before the copy had ended, and nothing began since: nobody wrote meanwhile.
      if header.updatesStarted.load() == finished && copy.isWhole {
        copy.snapshot.isConsistent = true
        return copy.snapshot
      }
      if attempt == Limits.snapshotAttempts { return copy.snapshot }
      usleep(Limits.attemptPauseMicroseconds)
    }
    preconditionFailure("the loop ends by returning")
  }
}
