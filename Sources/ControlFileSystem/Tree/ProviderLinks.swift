import Inspection

/// `providers/`: the providers by name, with links to what they do in each process.
enum ProviderLinks {
  static let folder = NodeDeclaration.directory(
    "providers", "The providers by name.",
    [
      .directory(
        "<provider>", "The processes that have loaded the provider.", members: names, [process])
    ])

  private static let names: NodeDeclaration.Enumerate = { context, _ throws(ControlError) in
    var names = Set<String>()
    for process in context.processes() {
      let snapshot = context.snapshot(of: process)
      for provider in snapshot.providers {
        if let name = snapshot.providerName(UInt32(provider.index)) { names.insert(name) }
      }
    }
    return names.sorted().map { name in
      var subject = Subject()
      subject.provider = name
      return Member(name: name, subject: subject)
    }
  }

  private static let process = {
    var link = NodeDeclaration.file("<pid>", .link, mode: 0o777, "The provider in that process.") {
      context throws(ControlError) in
      guard let identity = context.subject.process, let name = context.subject.provider else {
        throw .gone
      }
      var text = TextBuffer()
      text.append("../../processes/\(identity.pid)/providers/\(name)")
      return text
    }
    link.members = { context, _ throws(ControlError) in
      context.processes().compactMap { process in
        let snapshot = context.snapshot(of: process)
        let has = snapshot.providers.contains {
          snapshot.providerName(UInt32($0.index)) == context.subject.provider
        }
        guard has else { return nil }
        var subject = Subject()
        subject.provider = context.subject.provider
        subject.process = process.identity
        subject.owner = process.userID
        return Member(name: "\(process.pid)", subject: subject)
      }
    }
    return link
  }()
}
