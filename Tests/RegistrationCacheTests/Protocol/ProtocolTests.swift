import Testing

/// The protocol of `RegionWord` as a model, in every interleaving.
///
/// The application of these scenarios keeps to its side: no registration of a page begins while
/// another thread is changing that page's mapping.
struct ProtocolTests {
  static let scenarios: [ProtocolScenario] = [
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

  @Test(arguments: scenarios)
  func holds(_ scenario: ProtocolScenario) {
    let result = ProtocolExplorer(scenario: scenario, fault: nil).run()
    #expect(result.violation == nil, "\(result.history)")
    #expect(result.states > 100)
  }

  @Test(arguments: ProtocolFault.allCases)
  func everyFaultDoesHarm(_ fault: ProtocolFault) {
    let isFound = Self.scenarios.contains { scenario in
      ProtocolExplorer(scenario: scenario, fault: fault).run().violation != nil
    }
    #expect(isFound)
  }
}
