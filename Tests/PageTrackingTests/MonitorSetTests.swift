import Testing

@testable import PageTracking

struct MonitorSetTests {
  private static let sets: [(String, MonitorSet)] = [
    ("", []), ("none", []), ("entries", .entries), ("default", .standard),
    ("entries,entries", .entries), ("none,default", .standard), ("strict", .strict),
    ("entries,userfaultfd", [.entries, .userfaultfd]), ("audit,dispatch", [.audit, .dispatch]),
  ]

  @Test(arguments: sets)
  func names(_ text: String, _ expected: MonitorSet) throws {
    #expect(try MonitorSet(parsing: text) == expected)
  }

  @Test(arguments: ["Entries", "entries ", "entries,audits", "all"])
  func anUnknownNameIsToldBack(_ text: String) {
    let unknown = text.split(separator: ",").last.map(String.init) ?? ""
    #expect(throws: PageTrackingError.unknownMonitor(unknown)) {
      try MonitorSet(parsing: text)
    }
  }
}
