import Inspection

/// The files at the top that explain the others.
enum RootFiles {
  static let readme = constant(
    .file("README", .text, "How to read this tree.") { _ throws(ControlError) in
      var text = TextBuffer()
      text.append(Documentation.readme)
      return text
    })

  static let version = constant(
    .file(
      "version", .keyed, "Versions of the tree and of the published records it is made from."
    ) { _ throws(ControlError) in
      var text = TextBuffer()
      text.appendLine("schema", Documentation.schemaVersion)
      text.appendLine("layout", Layout.version)
      return text
    })

  static let schema = constant(
    .file(
      "schema", .table, "Every path of the tree: kind, mode, unit and meaning; `-` for no unit."
    ) {
      context throws(ControlError) in
      var table = Table(["path", "kind", "mode", "unit", "description"])
      for entry in context.server.catalog.entries {
        let declaration = entry.declaration
        let mode = String(declaration.mode, radix: 8)
        table.addRow([
          entry.pattern, declaration.kind.rawValue,
          String(repeating: "0", count: 4 - mode.count) + mode,
          declaration.unit ?? "-", declaration.documentation,
        ])
      }
      return table.buffer
    })

  static let lastError = NodeDeclaration.file(
    "last_error", .keyed,
    "Why the last write of the user who reads this failed; empty while none has."
  ) { context throws(ControlError) in
    var text = TextBuffer()
    guard let failure = context.server.errors.last(of: context.reader.user) else { return text }
    text.appendLine("time_utc", Text.time(failure.time))
    text.appendLine("file", failure.path)
    let input = failure.input.last == "\n" ? failure.input.dropLast() : failure.input[...]
    text.appendLine("input", Text.oneLine(String(input)))
    text.appendLine("error", ErrorName.name(of: failure.error.number))
    text.appendLine("reason", Text.oneLine(failure.error.reason))
    return text
  }

  private static func constant(_ declaration: NodeDeclaration) -> NodeDeclaration {
    var declaration = declaration
    declaration.isConstant = true
    return declaration
  }
}
