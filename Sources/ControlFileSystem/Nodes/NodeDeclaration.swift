/// A file or folder, or a family of them, as data: the tree, the `schema` file and the tests are
/// made from the same declarations.
struct NodeDeclaration: Sendable {
  /// Lists a family; with a name, at least the member of that name where there is one.
  typealias Enumerate =
    @Sendable (RenderContext, _ name: String?) throws(ControlError) -> [Member]
  typealias Render = @Sendable (RenderContext) throws(ControlError) -> TextBuffer
  typealias Apply = @Sendable (RenderContext, String) throws(ControlError) -> Void
  typealias Remove = @Sendable (RenderContext) throws(ControlError) -> Void
  typealias Measure = @Sendable (RenderContext) throws(ControlError) -> UInt64

  /// The name, or `<what it stands for>` where there are many.
  var name: String
  var kind: NodeKind
  /// Permission bits.
  var mode: UInt32
  /// The unit of its values, or nil.
  var unit: String?
  var documentation: String
  /// Only for a privileged reader, whoever owns the process.
  var isPrivileged = false
  /// The same for ever: the kernel may keep it.
  var isConstant = false
  /// The members of a family, by name; only with a name in angle brackets.
  var members: Enumerate?
  /// The content of a file, the target of a link.
  var render: Render?
  /// What a write does.
  var apply: Apply?
  /// What removing it does.
  var remove: Remove?
  /// Its size in bytes, where that is not the length of its content.
  var size: Measure?
  /// When it changed last, CLOCK_REALTIME nanoseconds, where it is not when its process began.
  var time: Measure?
  var children: [NodeDeclaration] = []

  static func directory(
    _ name: String, mode: UInt32 = 0o555, _ documentation: String, members: Enumerate? = nil,
    time: Measure? = nil, _ children: [NodeDeclaration]
  ) -> NodeDeclaration {
    var node = NodeDeclaration(
      name: name, kind: .directory, mode: mode, documentation: documentation)
    node.members = members
    node.time = time
    node.children = children
    return node
  }

  static func file(
    _ name: String, _ kind: NodeKind, mode: UInt32 = 0o444, unit: String? = nil,
    _ documentation: String, apply: Apply? = nil, _ render: @escaping Render
  ) -> NodeDeclaration {
    var node = NodeDeclaration(
      name: name, kind: kind, mode: mode, unit: unit, documentation: documentation)
    node.render = render
    node.apply = apply
    return node
  }

  var isFamily: Bool { members != nil }
}
