/// How binding an assertion is (winsock-direct.md, section 10).
package enum Grade: String, Sendable {
  /// Must, by documentation.
  case must = "M"
  /// Documented as should.
  case should = "S"
  /// Inferred, or taken from practice.
  case inferred = "I"
}
