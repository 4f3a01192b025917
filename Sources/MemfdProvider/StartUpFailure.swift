/// Why the provider cannot start, in one line for the user.
struct StartUpFailure: Error {
  let message: String

  init(_ message: String) {
    self.message = message
  }
}
