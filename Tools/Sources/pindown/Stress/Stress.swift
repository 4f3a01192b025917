import CTools
import Glibc
import Pindown

/// A run of the stress tool, seen from the process that starts the transfers.
struct Stress {
  let duration: Duration
  let seed: UInt64
  let threads: Int
  let hasCallbacks: Bool
  let nics: [IPv4Address]
  let providers: [String]

  func run() throws -> StressReport {
    setenv("PINDOWN_DMA", "strict", 1)
    if !hasCallbacks { setenv("PINDOWN_MONITORS", "none", 1) }
    CTools_map_large_blocks(Int32(StressCommand.smallestBuffer))
    let network = try SocketsSwitch.start(providers: providers)
    defer { network.stop() }
    let addresses = try chosen(from: network.adapters.map(\.address))
    let peer = try RoleProcess(
      ["stress-peer"] + addresses.map(\.description)
        + providers.flatMap { ["--provider", $0] })
    let listening = try peer.answer().compactMap { SocketAddress($0) }
    say(
      "seed \(seed), \(threads) threads, NICs "
        + addresses.map(\.description).joined(separator: " ")
        + ", callbacks \(hasCallbacks ? "on" : "off"), strict DMA, \(Int(duration.inSeconds)) s")
    let workers = try connect(network, to: listening, peer)
    let counts = try work(workers)
    // The counters are taken before the connections end, at which the caches are emptied.
    let words = [StressReport.words(network.statistics), try peer.ask("statistics")]
    for worker in workers { worker.end() }
    guard peer.end() == 0 else { throw ToolError("the other process did not end well") }
    return try StressReport(counts, words)
  }

  private func chosen(from available: [IPv4Address]) throws -> [IPv4Address] {
    let addresses = nics.isEmpty ? Array(available.prefix(2)) : nics
    for address in addresses where !available.contains(address) {
      throw SwitchError.noAdapter(address)
    }
    guard addresses.count >= 2 else { throw ToolError("two NICs are needed; see PINDOWN_NICS") }
    return addresses
  }

  private func connect(
    _ network: SocketsSwitch, to listening: [SocketAddress], _ peer: RoleProcess
  ) throws -> [StressWorker] {
    peer.tell("accept \(threads)")
    let sockets = try (0..<threads).map { index in
      try network.connect(to: listening[index % listening.count], within: .seconds(30))
    }
    _ = try peer.answer()
    return try sockets.enumerated().map { index, socket in
      try StressWorker(index, socket, seed: seed)
    }
  }

  /// Runs every worker on a thread of its own; throws the first failure.
  private func work(_ workers: [StressWorker]) throws -> StressCounts {
    let end = Moment(after: duration)
    let threads = workers.map { worker in
      // Each worker is used by its thread alone until that is joined.
      nonisolated(unsafe) let worker = worker
      return SystemThread { worker.run(until: end) }
    }
    for thread in threads { thread.join() }
    if let failure = workers.compactMap(\.failure).first { throw failure }
    return workers.reduce(StressCounts()) { $0 + $1.counts }
  }
}
