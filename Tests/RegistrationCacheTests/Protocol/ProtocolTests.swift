import Testing

/// The protocol of `RegionWord` as a model, in every interleaving.
///
/// The application of these scenarios keeps to its side: no registration of a page begins while
/// another thread is changing that page's mapping.
struct ProtocolTests {
  @Test(arguments: ProtocolScenario.all)
  func holds(_ scenario: ProtocolScenario) {
    let result = ProtocolExplorer(scenario: scenario, fault: nil).run()
    #expect(result.violation == nil, "\(result.history)")
    #expect(result.states > 100)
  }

  @Test(arguments: ProtocolFault.allCases)
  func everyFaultDoesHarm(_ fault: ProtocolFault) {
    let isFound = ProtocolScenario.scenarios(for: fault).contains { scenario in
      ProtocolExplorer(scenario: scenario, fault: fault).run().violation != nil
    }
    #expect(isFound)
  }
}
