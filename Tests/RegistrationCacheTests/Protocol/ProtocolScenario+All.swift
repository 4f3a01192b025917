extension ProtocolScenario {
  static let all = lookupAgainstChange + deadline + fork

  /// Those in which the fault is looked for.
  static func scenarios(for fault: ProtocolFault) -> [ProtocolScenario] {
    switch fault {
    case .stuckAdapterEndsDeregistering, .gatesClosedOneByOne, .quarantineUnpinned,
      .quarantineSettled, .quarantineFreedByRelease, .flushDoesNotAsk, .waiterIsSatisfied:
      deadline
    case .childSharesRecords, .forkSharesPinnedPages, .pinKeepsSharing: fork
    default: lookupAgainstChange
    }
  }

  private static let lookupAgainstChange: [ProtocolScenario] = [
    ProtocolScenario(
      testDescription: "a change while both adapters are used",
      before: [.use(0..<1, adapter: 0), .use(0..<1, adapter: 1)],
      threads: [
        [.change(0), .use(0..<1, adapter: 1)],
        [.use(0..<1, adapter: 0, registers: false)],
        [.use(0..<1, adapter: 1, registers: false)],
      ]),
    ProtocolScenario(
      testDescription: "a page goes while its region is merged into a larger one",
      before: [.use(0..<2, adapter: 0)],
      threads: [
        [.change(0), .use(0..<1, adapter: 0)],
        [.use(1..<3, adapter: 0)],
      ]),
    ProtocolScenario(
      testDescription: "the same, with the old region in use",
      before: [.use(0..<2, adapter: 0)],
      threads: [
        [.change(0), .use(0..<1, adapter: 0)],
        [.use(1..<3, adapter: 0)],
        [.use(1..<2, adapter: 0, registers: false)],
      ]),
    ProtocolScenario(
      testDescription: "two threads change two pages of a region that is in use",
      before: [.use(0..<2, adapter: 0)],
      threads: [
        [.change(0), .use(0..<1, adapter: 0)],
        [.change(1)],
        [.use(0..<2, adapter: 0, registers: false)],
      ]),
    ProtocolScenario(
      testDescription: "an adapter is added to a region whose other page goes",
      before: [.use(0..<2, adapter: 0)],
      threads: [
        [.change(0), .use(0..<1, adapter: 1)],
        [.use(1..<2, adapter: 1), .use(1..<2, adapter: 1)],
      ]),
    ProtocolScenario(
      testDescription: "two threads miss the same page, a third evicts",
      threads: [
        [.use(0..<1, adapter: 0)],
        [.use(0..<1, adapter: 1)],
        [.evict(), .evict()],
      ]),
    ProtocolScenario(
      testDescription: "a record is evicted and used again for another page",
      slots: 2,
      before: [.use(0..<1, adapter: 0)],
      threads: [
        [.evict(), .use(1..<2, adapter: 0)],
        [.use(0..<1, adapter: 0, registers: false)],
        [.use(0..<1, adapter: 1, registers: false)],
      ]),
    ProtocolScenario(
      testDescription: "an eviction while the mapping changes",
      before: [.use(0..<2, adapter: 0)],
      threads: [
        [.evict()],
        [.change(0), .use(0..<1, adapter: 0)],
        [.use(0..<2, adapter: 0, registers: false)],
      ]),
    ProtocolScenario(
      testDescription: "a record goes from one cache to another",
      before: [.use(0..<1, adapter: 0, cache: 0)],
      threads: [
        [.evict(cache: 0)],
        [.use(1..<2, adapter: 0, cache: 1), .use(1..<3, adapter: 0, cache: 1)],
        [.use(0..<1, adapter: 0, cache: 0, registers: false)],
      ]),
    ProtocolScenario(
      testDescription: "two caches have the page that changes",
      before: [.use(0..<1, adapter: 0, cache: 0), .use(0..<2, adapter: 0, cache: 1)],
      threads: [
        [.change(0)],
        [.use(0..<1, adapter: 0, cache: 0, registers: false)],
        [.use(1..<3, adapter: 0, cache: 1)],
      ]),
    ProtocolScenario(
      testDescription: "overlapping misses in two threads while a page goes",
      before: [.use(0..<1, adapter: 0)],
      threads: [
        [.change(0), .use(0..<3, adapter: 0)],
        [.use(1..<2, adapter: 0)],
        [.use(1..<3, adapter: 0)],
      ]),
  ]

  /// A peer is slow, or stopped, inside a transfer, and the deadline passes at any moment.
  private static let deadline: [ProtocolScenario] = [
    ProtocolScenario(
      testDescription: "a peer is inside when the mapping changes, and another one comes",
      before: [.use(0..<1, adapter: 0), .use(0..<1, adapter: 1)],
      threads: [
        [.change(0), .use(0..<1, adapter: 1)],
        [.transferAsPeer(0..<1, adapter: 0)],
        [.transferAsPeer(0..<1, adapter: 1)],
        [.deadlinePasses],
      ]),
    ProtocolScenario(
      testDescription: "a peer is inside, and the region in use, when the mapping changes",
      slots: 2,
      before: [.use(0..<1, adapter: 0)],
      threads: [
        [.change(0), .use(0..<1, adapter: 0)],
        [.transferAsPeer(0..<1, adapter: 0)],
        [.use(0..<1, adapter: 0, registers: false)],
        [.deadlinePasses],
      ]),
    ProtocolScenario(
      testDescription: "a peer is stopped for ever, and two threads change what it is in",
      before: [.use(0..<2, adapter: 0)],
      threads: [
        [.change(0)],
        [.change(1)],
        [.transferAsPeer(0..<2, adapter: 0, stops: true)],
        [.deadlinePasses],
      ]),
    ProtocolScenario(
      testDescription: "what a peer is in is evicted while its mapping changes",
      before: [.use(0..<1, adapter: 0), .use(0..<1, adapter: 1)],
      threads: [
        [.evict()],
        [.change(0), .use(0..<1, adapter: 0)],
        [.transferAsPeer(0..<1, adapter: 0)],
        [.transferAsPeer(0..<1, adapter: 1)],
        [.deadlinePasses],
      ]),
    ProtocolScenario(
      testDescription: "what was quarantined is flushed, and its record used again",
      slots: 2,
      before: [.use(0..<1, adapter: 0)],
      threads: [
        [.change(0), .flush(), .use(1..<2, adapter: 0)],
        [.transferAsPeer(0..<1, adapter: 0)],
        [.flush()],
        [.deadlinePasses],
      ]),
  ]

  /// The process forks, and either side writes.
  private static let fork: [ProtocolScenario] = [
    ProtocolScenario(
      testDescription: "a fork between lookup and use",
      before: [.use(0..<1, adapter: 0)],
      threads: [
        [.use(0..<1, adapter: 0, registers: false, forks: true)],
        [.useAsChild(0..<1, adapter: 0)],
        [.change(0)],
      ]),
    ProtocolScenario(
      testDescription: "a fork during a registration, and both sides write",
      threads: [
        [.use(0..<2, adapter: 0)],
        [.fork, .write(0, byChild: false), .write(1, byChild: true)],
        [.write(1, byChild: false), .use(0..<1, adapter: 1)],
      ]),
    ProtocolScenario(
      testDescription: "a fork, a write and a change of what both adapters use",
      before: [.use(0..<2, adapter: 0), .use(0..<2, adapter: 1)],
      threads: [
        [.change(0), .use(0..<1, adapter: 0)],
        [.fork, .write(1, byChild: false)],
        [.use(1..<2, adapter: 1), .write(1, byChild: false)],
      ]),
  ]
}
