import Synchronization

/// Runs the same work on several threads at once.
enum ThreadTeam {
  /// Calls `body` with the number of each thread, all at the same moment, the first on this thread;
  /// answers what they measured, on average.
  static func average(
    _ threads: Int, _ body: @escaping @Sendable (Int) -> Double
  ) -> Double {
    if threads == 1 { return body(0) }
    let results = Results(threads)
    let others = (1..<threads).map { thread in
      SystemThread { results.run(thread, body) }
    }
    results.run(0, body)
    for other in others { other.join() }
    return results.sum / Double(threads)
  }

  private final class Results: @unchecked Sendable {
    private let waiting: Atomic<Int>
    private let values: UnsafeMutableBufferPointer<Double>

    init(_ threads: Int) {
      waiting = Atomic(threads)
      values = .allocate(capacity: threads)
      values.initialize(repeating: 0)
    }

    deinit {
      values.deallocate()
    }

    func run(_ thread: Int, _ body: (Int) -> Double) {
      waiting.subtract(1, ordering: .sequentiallyConsistent)
      while waiting.load(ordering: .sequentiallyConsistent) > 0 {}
      values[thread] = body(thread)
    }

    /// Once every thread is through.
    var sum: Double { values.reduce(0, +) }
  }
}
