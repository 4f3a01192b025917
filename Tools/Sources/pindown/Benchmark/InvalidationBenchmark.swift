import Glibc
import Pindown

/// What a change costs that takes a cached region from two NICs: from the hook through the switch
/// and the provider to both of them, and back.
struct InvalidationBenchmark {
  let samples: Int

  private static let bufferBytes = 65_536
  /// Without the unpinning: 2 us at the median.
  private static let bound = PairedSamples.Bound(absolute: 2_000)

  func run(_ add: (BenchmarkRow) -> Void) throws {
    let network = try SocketsSwitch.start()
    defer { network.stop() }
    guard network.adapters.count >= 2 else { throw ToolError("the benchmark needs two NICs") }
    let pairs = try network.adapters.prefix(2).map {
      try ConnectedSockets(network, at: $0.address)
    }
    let sockets = pairs.map(\.near)
    // Alone: the kernel's own events cost tens of microseconds, with a cached region and without.
    let tracker = try PageTracker.shared()
    let wasRunning = tracker.running
    tracker.stop()
    try tracker.start(.entries)
    defer {
      tracker.stop()
      try? tracker.start(wasRunning)
    }
    // A memfd's pages need no pin.
    let segment = try MemfdSegment(byteCount: UInt(Self.bufferBytes))
    add(
      try measure(
        "invalidation_on_two_nics_ns", sockets, segment.baseAddress, bound: Self.bound))
    let memory = UnsafeMutableRawPointer.allocate(byteCount: Self.bufferBytes, alignment: 4096)
    defer { memory.deallocate() }
    add(try measure("invalidation_with_unpinning_ns", sockets, memory, bound: nil))
    for pair in pairs {
      pair.near.close()
      pair.far.close()
    }
  }

  /// The same call with and without a cached region under it, in turn.
  private func measure(
    _ name: String, _ sockets: [SwitchSocket], _ memory: UnsafeMutableRawPointer,
    bound: PairedSamples.Bound?
  ) throws -> BenchmarkRow {
    let buffer = UnsafeMutableRawBufferPointer(start: memory, count: Self.bufferBytes)
    var pairs = PairedSamples()
    for _ in 0..<samples {
      for socket in sockets { try socket.registerMemory(buffer, access: .read).deregister() }
      let invalidating = Stopwatch.time { Self.change(memory) }
      let plain = Stopwatch.time { Self.change(memory) }
      pairs.add(without: plain, with: invalidating)
    }
    return pairs.row(name, threads: 1, regions: 1, bound: bound)
  }

  /// Counts as a change, and costs the kernel little: one page that is not present.
  private static func change(_ memory: UnsafeMutableRawPointer) {
    madvise(memory, 4096, MADV_DONTNEED)
  }
}
