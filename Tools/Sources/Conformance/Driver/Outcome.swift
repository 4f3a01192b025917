/// What goes back from a peer: an answer, or why there is none.
enum Outcome {
  case reply(Reply)
  case failure(Failure)
  case nothing

  init(line: String) {
    let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    switch (words.first, words.count) {
    case ("ok", 2):
      self = Reply(line: words[1]).map { .reply($0) } ?? .nothing
    case ("violated", 3): self = .failure(.violated(expected: words[1], actual: words[2]))
    case ("notApplicable", 2): self = .failure(.notApplicable(words[1]))
    default: self = .nothing
    }
  }

  var line: String {
    switch self {
    case .reply(let reply): "ok\t\(reply.line)"
    case .failure(.violated(let expected, let actual)): "violated\t\(expected)\t\(actual)"
    case .failure(.notApplicable(let reason)): "notApplicable\t\(reason)"
    case .nothing: ""
    }
  }
}
