import CWinsockDirect

/// Fails unless a function has answered what it has to.
func expect(_ actual: INT, _ expected: INT, _ what: String) throws(Failure) {
  try expect(actual, in: [expected], what)
}

/// Fails unless a function has answered one of some numbers.
func expect(_ actual: INT, in expected: [INT], _ what: String) throws(Failure) {
  if expected.contains(actual) { return }
  let names = expected.map(ErrorName.text).joined(separator: " or ")
  throw .violated(expected: "\(what): \(names)", actual: ErrorName.text(actual))
}

/// Fails unless something holds.
func expect(
  _ holds: Bool, _ expected: @autoclosure () -> String, _ actual: @autoclosure () -> String
) throws(Failure) {
  if !holds { throw .violated(expected: expected(), actual: actual()) }
}

/// Fails unless a function has failed, with whatever number.
func expectRefusal(_ actual: INT, _ what: String) throws(Failure) {
  if actual == 0 { throw .violated(expected: "\(what): an error", actual: "success") }
}

/// Fails unless a transfer has moved `byteCount` bytes.
func expectMoved(
  _ ended: (error: INT, byteCount: Int), _ byteCount: Int, _ what: String
) throws(Failure) {
  try expect(ended.error, 0, what)
  try expect(
    ended.byteCount == byteCount, "\(what): \(byteCount) bytes", "\(ended.byteCount) bytes")
}
