import Inspection

/// `limits/`: what the cache may hold.
enum LimitFiles {
  static let folder = NodeDeclaration.directory(
    "limits", "What the cache may hold; a value file each.",
    [
      limit("max_bytes", unit: "bytes", "Bytes in all regions together.", \.maximumBytes) {
        .setMaximumBytes(provider: $0, $1)
      },
      limit("max_regions", unit: "regions", "Regions.", \.maximumRegions) {
        .setMaximumRegions(provider: $0, $1)
      },
    ])

  private static func limit(
    _ name: String, unit: String, _ documentation: String,
    _ value: @escaping @Sendable (ProviderSnapshot) -> UInt64,
    _ request: @escaping @Sendable (String, UInt64) -> ControlRequest
  ) -> NodeDeclaration {
    .file(
      name, .value, mode: 0o644, unit: unit, "\(documentation) `max` for no limit.",
      apply: { context, text throws(ControlError) in
        let value = try Command.limit(text)
        let provider = try context.provider().name
        try Command.send(request(provider, value), to: try context.process())
      }
    ) { context throws(ControlError) in
      var text = TextBuffer()
      text.append("\(Text.limit(value(try context.provider())))\n")
      return text
    }
  }
}
