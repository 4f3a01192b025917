/// Why a tool cannot go on: one line for the user.
struct ToolError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }

  /// With the system's reason.
  init(_ description: String, errno number: Int32) {
    self.description = "\(description): \(SystemText.of(number))"
  }
}
