/// A way in which the example provider in C can be compiled to break the rules, and what finds it.
struct Mutant: CustomStringConvertible, Sendable {
  /// The macro, without PINDOWN_MUTANT_.
  let name: String
  /// The assertion that is about it, and must fail.
  let assertion: String
  /// Whether that one is only inferred, so that it counts with --strict alone.
  var isInferred = false

  var description: String { name }

  /// The thirteen of the specification's section 6, in its order, and six more.
  static let all = [
    Mutant(name: "KEY_OUTLIVES_DEREGISTER", assertion: "C46"),
    Mutant(name: "WIDER_ACCESS", assertion: "C47"),
    Mutant(name: "NO_BOUNDS", assertion: "C68"),
    Mutant(name: "ANY_CONNECTION", assertion: "C48"),
    Mutant(name: "PARTIAL_OVERLAP", assertion: "C57"),
    Mutant(name: "ALWAYS_SUCCEEDS", assertion: "C53"),
    Mutant(name: "CRASH_AFTER_FLUSH", assertion: "C55"),
    Mutant(name: "NO_VALIDATION", assertion: "C40"),
    Mutant(name: "DESCRIPTOR_LENGTH", assertion: "C42"),
    Mutant(name: "POINTER_ON_WIRE", assertion: "C44"),
    Mutant(name: "RESULT_ON_FAILURE", assertion: "C63"),
    Mutant(name: "UNCHECKED_QUERY", assertion: "C12"),
    Mutant(name: "CACHE_OUTLIVES", assertion: "C60"),
    Mutant(name: "MALLOC_IN_CALLBACK", assertion: "C58", isInferred: true),
    Mutant(name: "UNPINS_EARLY", assertion: "C54"),
    Mutant(name: "IDLE_CALLBACK", assertion: "C52"),
    Mutant(name: "FORGETS_NIC", assertion: "C55"),
    Mutant(name: "COMPLETES_TWICE", assertion: "C64"),
    Mutant(name: "UPCALL_AFTER_CLOSE", assertion: "C79"),
  ]
}
