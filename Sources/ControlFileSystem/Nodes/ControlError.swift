/// Why a request to the file system failed: the error number that the caller gets, and the reason
/// that `last_error` shows.
package struct ControlError: Error, Hashable, Sendable {
  package var number: Int32
  package var reason: String

  package init(_ number: Int32, _ reason: String) {
    self.number = number
    self.reason = reason
  }
}
