/// One of C01 to C88: what it says, and how it is put to a provider.
struct Assertion: Sendable {
  let id: String
  let grade: Grade
  let title: String
  /// Seconds after which a provider hangs.
  let seconds: Int
  let body: @Sendable (Session) throws(Failure) -> Void

  init(
    _ number: Int, _ grade: Grade, _ title: String, seconds: Int = 15,
    _ body: @escaping @Sendable (Session) throws(Failure) -> Void
  ) {
    id = Self.name(number)
    self.grade = grade
    self.title = title
    self.seconds = seconds
    self.body = body
  }

  static func name(_ number: Int) -> String { number < 10 ? "C0\(number)" : "C\(number)" }
}
