/// Why a library cannot be asked anything: one line for the user.
package struct LoadingFailure: Error, CustomStringConvertible, Sendable {
  package let description: String

  init(_ description: String) {
    self.description = description
  }
}
