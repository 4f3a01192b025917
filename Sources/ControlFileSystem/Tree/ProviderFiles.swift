import Inspection

/// `processes/<pid>/providers/<provider>/`: a provider in a process.
enum ProviderFiles {
  static let folder = NodeDeclaration.directory(
    "providers", "The providers that the process has loaded.",
    [
      .directory(
        "<provider>", "A provider and its registration cache.", members: providers,
        CacheFiles.all + SecuredFiles.all + [stats, LimitFiles.folder, ctl])
    ])

  private static let providers: NodeDeclaration.Enumerate = { context, _ throws(ControlError) in
    let snapshot = try context.snapshot()
    return snapshot.providers.compactMap { provider in
      guard let name = snapshot.providerName(UInt32(provider.index)) else { return nil }
      var subject = Subject()
      subject.process = context.subject.process
      subject.owner = context.subject.owner
      subject.provider = name
      subject.providerIndex = provider.index
      return Member(name: name, subject: subject)
    }
  }

  private static let stats = NodeDeclaration.file(
    "stats", .keyed, unit: "bytes", "What the cache has done, and what it holds."
  ) { context throws(ControlError) in
    let snapshot = try context.snapshot()
    let provider = try context.provider()
    var text = TextBuffer()
    text.appendLine("generation", snapshot.generation)
    text.appendLine("consistent", Text.yesNo(snapshot.isConsistent))
    text.appendLine("regions", provider.regions)
    text.appendLine("bytes", provider.bytes)
    text.appendLine("pinned_bytes", provider.pinnedBytes)
    text.appendLine("hits", provider.hits)
    text.appendLine("misses", provider.misses)
    text.appendLine("merges", provider.merges)
    text.appendLine("evictions", provider.evictions)
    text.appendLine("invalidations", provider.invalidations)
    text.appendLine("registrations", provider.registrations)
    text.appendLine("deregistrations", provider.deregistrations)
    text.appendLine("failures", provider.failures)
    text.appendLine("quarantined", provider.quarantined)
    return text
  }

  private static let ctl = NodeDeclaration.file(
    "ctl", .commands, mode: 0o644, "Commands to the cache, one a line; reading it gives them.",
    apply: { context, text throws(ControlError) in
      let commands = try Command.parse(text, allowing: Command.Verb.allCases)
      let provider = try context.provider().name
      let process = try context.process()
      for command in commands { try Command.send(command.request(to: provider), to: process) }
    }
  ) { _ throws(ControlError) in Command.help(Command.Verb.allCases) }

  static func write(
    _ provider: ProviderSnapshot, of process: ProcessSnapshot, to writer: inout JSONWriter
  ) {
    writer.member("name", process.providerName(UInt32(provider.index)))
    writer.limit("max_bytes", provider.maximumBytes)
    writer.limit("max_regions", provider.maximumRegions)
    writer.member("regions", provider.regions)
    writer.member("bytes", provider.bytes)
    writer.member("pinned_bytes", provider.pinnedBytes)
    writer.member("hits", provider.hits)
    writer.member("misses", provider.misses)
    writer.member("merges", provider.merges)
    writer.member("evictions", provider.evictions)
    writer.member("invalidations", provider.invalidations)
    writer.member("registrations", provider.registrations)
    writer.member("deregistrations", provider.deregistrations)
    writer.member("failures", provider.failures)
    writer.member("quarantined", provider.quarantined)
  }
}
