import Glibc

extension NodeServer {
  /// Takes one write, whole: it is parsed before any of it is applied. The offset has no meaning.
  package func write(
    _ handle: UInt64, _ bytes: [UInt8], _ reader: Reader
  ) throws(ControlError) {
    let node = try files.value(handle).node
    let input = String(decoding: bytes.prefix(Limits.writeBytes), as: UTF8.self)
    do throws(ControlError) {
      guard let apply = declaration(node).apply else {
        throw ControlError(EACCES, "the file cannot be written")
      }
      guard bytes.count <= Limits.writeBytes else {
        throw ControlError(E2BIG, "a write has at most \(Limits.writeBytes) bytes")
      }
      guard !bytes.contains(0) else { throw ControlError.invalid("there is a zero byte in it") }
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw ControlError.invalid("it is not UTF-8")
      }
      try checkExists(node, reader: reader)
      try apply(context(reader, node.subject, use: .content), text)
    } catch {
      errors.note(error, path: node.path, input: input, by: reader.user)
      throw error
    }
  }

  /// Removes a file, where that means something.
  package func remove(
    _ parent: UInt64, _ name: String, _ reader: Reader
  ) throws(ControlError) {
    let parent = try node(parent)
    let path = parent.path == "/" ? "/\(name)" : "\(parent.path)/\(name)"
    do throws(ControlError) {
      let node = try child(of: parent, named: name, reader: reader, use: .content)
      guard let remove = declaration(node).remove else {
        throw ControlError(EPERM, "removing this file means nothing")
      }
      try remove(context(reader, node.subject, use: .content))
    } catch {
      errors.note(error, path: path, input: "remove", by: reader.user)
      throw error
    }
  }

  /// Refuses to make, rename or remove what cannot be, and notes it.
  package func refuse(_ parent: UInt64, _ name: String, _ reader: Reader) -> ControlError {
    let folder = table.node(parent)?.path ?? "?"
    let path = folder == "/" ? "/\(name)" : "\(folder)/\(name)"
    errors.note(.notPermitted, path: path, input: "make, rename or remove", by: reader.user)
    return .notPermitted
  }
}
