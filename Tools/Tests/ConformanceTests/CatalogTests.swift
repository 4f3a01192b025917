import Testing

@testable import Conformance

/// Goal: the catalogue is the specification's list. Method: its numbers and grades, counted.
struct CatalogTests {
  @Test func everyAssertionIsThereOnceAndInOrder() {
    #expect(Catalog.assertions.map(\.id) == (1...88).map(Assertion.name))
  }

  /// As section 10 has them; of two grades for one assertion the stronger.
  @Test func gradesAreThoseOfTheSpecification() {
    let inferred = Catalog.assertions.filter { $0.grade == .inferred }.map(\.id)
    #expect(
      inferred == [
        "C14", "C15", "C21", "C30", "C56", "C58", "C59", "C61", "C70", "C73", "C74", "C76", "C77",
        "C88",
      ])
    let advised = Catalog.assertions.filter { $0.grade == .should }.map(\.id)
    #expect(advised == ["C51", "C60", "C87"])
  }

  @Test func noTwoHaveTheSameTitle() {
    #expect(Set(Catalog.assertions.map(\.title)).count == 88)
  }
}
