import VirtualMemory

/// Finds the processes that publish.
///
/// There is no registry: a process is found by the memfd among its descriptors. One that was found
/// stays mapped until it has gone. Any thread may use a scanner.
package final class ProcessScanner: Sendable {
  private let known = Lock<[Int32: PublishedProcess]>([:])
  /// The only processes to look at; nil for all that there are.
  private let candidates: Set<Int32>?

  /// - Parameter candidates: the numbers of the processes to look at; nil for every process that
  ///   the kernel lists.
  package init(candidates: Set<Int32>? = nil) {
    self.candidates = candidates
  }

  /// Every process that publishes now and that the kernel lets us see, by number.
  ///
  /// The kernel is asked anew each time: a process that was killed is not in the list.
  package func processes() -> [PublishedProcess] {
    let found = numbers.compactMap { process($0) }
    let living = Set(found.map(\.pid))
    known.withLock { known in
      known = known.filter { living.contains($0.key) }
    }
    return found.sorted { $0.pid < $1.pid }
  }

  /// The process with this number, or nil where it publishes nothing that we may see.
  package func process(_ pid: Int32) -> PublishedProcess? {
    if let candidates, !candidates.contains(pid) { return nil }
    if let process = known.withLock({ $0[pid] }), process.isAlive { return process }
    let process = try? PublishedProcess(pid: pid)
    known.withLock { $0[pid] = process }
    return process
  }

  private var numbers: [Int32] {
    if let candidates { return Array(candidates) }
    return (try? NumberedEntries.list("/proc")) ?? []
  }
}
