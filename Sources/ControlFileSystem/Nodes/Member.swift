/// One of the nodes that a variable part of a path stands for: a process, a region.
struct Member: Sendable {
  var name: String
  var subject: Subject
}
