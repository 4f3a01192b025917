import Inspection
import VirtualMemory

/// `nics/`: the adapters by name, over all processes that have opened them.
enum NICFiles {
  static let folder = NodeDeclaration.directory(
    "nics", "The adapters that processes have opened.",
    [
      .directory(
        "<nic>", "An adapter.", members: adapters,
        [address, state, counters, limits, registrations, queues, ctl])
    ])

  private static let adapters: NodeDeclaration.Enumerate = { context, _ throws(ControlError) in
    var names = Set<String>()
    for process in context.processes() {
      let snapshot = context.snapshot(of: process)
      for nic in snapshot.nics {
        if let name = snapshot.nicName(UInt32(nic.index)) { names.insert(name) }
      }
    }
    return names.sorted().map { name in
      var subject = Subject()
      subject.nic = name
      return Member(name: name, subject: subject)
    }
  }

  /// The adapter in each process that has opened it.
  private static func uses(
    _ context: RenderContext
  ) throws(ControlError) -> [(process: ProcessSnapshot, nic: NICSnapshot)] {
    let uses = context.processes().flatMap { process in
      let snapshot = context.snapshot(of: process)
      return snapshot.nics
        .filter { snapshot.nicName(UInt32($0.index)) == context.subject.nic }
        .map { (process: snapshot, nic: $0) }
    }
    if uses.isEmpty { throw .gone }
    return uses
  }

  private static let address = NodeDeclaration.file(
    "address", .value, "Its IPv4 address and the length of the prefix."
  ) { context throws(ControlError) in
    let nic = try uses(context)[0].nic
    var text = TextBuffer()
    text.append("\(Text.address4(nic.address))/\(nic.prefixLength)\n")
    return text
  }

  private static let state = NodeDeclaration.file(
    "state", .value, "`up` while a process has it open."
  ) { context throws(ControlError) in
    _ = try uses(context)
    var text = TextBuffer()
    text.append("up\n")
    return text
  }

  private static let counters = NodeDeclaration.file(
    "counters", .keyed, unit: "operations,bytes", "What went through it, in all processes."
  ) { context throws(ControlError) in
    let uses = try uses(context)
    func sum(_ value: (NICSnapshot) -> UInt64) -> UInt64 {
      uses.reduce(0) { $0 &+ value($1.nic) }
    }
    var text = TextBuffer()
    text.appendLine("generation", context.system.generation(of: context.processes()))
    text.appendLine("processes", uses.count)
    text.appendLine("registrations", sum(\.registrations))
    text.appendLine("queue_pairs", sum(\.queuePairs))
    text.appendLine("sends", sum(\.sends))
    text.appendLine("receives", sum(\.receives))
    text.appendLine("rdma_writes", sum(\.rdmaWrites))
    text.appendLine("rdma_reads", sum(\.rdmaReads))
    text.appendLine("out_bytes", sum(\.bytesOut))
    text.appendLine("in_bytes", sum(\.bytesIn))
    text.appendLine("errors", sum(\.errors))
    text.appendLine("protection_errors", sum(\.protectionErrors))
    return text
  }

  private static let limits = NodeDeclaration.file(
    "limits", .table, "How many registrations and queue pairs a process may have there."
  ) { context throws(ControlError) in
    let uses = try uses(context)
    var table = Table(["process", "max_registrations", "max_queue_pairs"])
    for (process, nic) in uses {
      table.addRow([
        "\(process.identity.pid)", Text.limit(nic.maximumRegistrations),
        Text.limit(nic.maximumQueuePairs),
      ])
    }
    return finish(&table, uses, context)
  }

  private static let registrations = NodeDeclaration.file(
    "registrations", .table, unit: "bytes", "Its registrations in all processes, with their keys."
  ) { context throws(ControlError) in
    let uses = try uses(context)
    var table = Table([
      "process", "key", "start", "end", "length_bytes", "access", "backing", "provider", "state",
    ])
    for (process, nic) in uses {
      for region in process.regions where region.nics.contains(nic.index) {
        table.addRow([
          "\(process.identity.pid)", Text.hexadecimal(UInt64(region.keys[nic.index]), digits: 8),
          Text.address(region.range.start), Text.address(region.range.end),
          "\(region.range.length)", Text.access(region.access), RegionText.backing(region),
          process.providerName(region.provider) ?? "-", RegionText.state(region),
        ])
      }
    }
    return finish(&table, uses, context)
  }

  private static let queues = NodeDeclaration.file(
    "queues", .table, "Its queue pairs: the sockets on it."
  ) { context throws(ControlError) in
    let uses = try uses(context)
    var table = Table([
      "process", "socket", "state", "local", "remote", "peer_process", "pending_sends",
      "pending_receives",
    ])
    for (process, nic) in uses {
      for socket in process.sockets where socket.nic == UInt32(nic.index) {
        table.addRow([
          "\(process.identity.pid)", "\(socket.index)", SocketFiles.state(socket),
          SocketFiles.local(socket), SocketFiles.remote(socket),
          SocketFiles.peer(socket), "\(socket.pendingSends)", "\(socket.pendingReceives)",
        ])
      }
    }
    return finish(&table, uses, context)
  }

  private static let ctl = NodeDeclaration.file(
    "ctl", .commands, mode: 0o644, "Commands to every provider that has the adapter open.",
    apply: { context, text throws(ControlError) in
      let commands = try Command.parse(text, allowing: [.flush])
      var failure: ControlError?
      for (process, nic) in try uses(context) {
        do throws(ControlError) {
          try carryOut(commands, at: nic, of: process, context)
        } catch {
          // The others are asked all the same; one that has ended meanwhile has nothing left to do.
          if context.system.process(process.identity) != nil { failure = failure ?? error }
        }
      }
      if let failure { throw failure }
    }
  ) { _ throws(ControlError) in Command.help([.flush]) }

  private static func carryOut(
    _ commands: [Command], at nic: NICSnapshot, of process: ProcessSnapshot,
    _ context: RenderContext
  ) throws(ControlError) {
    guard let owner = context.system.process(process.identity),
      let provider = process.providers.first(where: { $0.index == Int(nic.provider) })
    else { return }
    for command in commands {
      try Command.send(command.request(to: provider.name), to: owner)
    }
  }

  private static func finish(
    _ table: inout Table, _ uses: [(process: ProcessSnapshot, nic: NICSnapshot)],
    _ context: RenderContext
  ) -> TextBuffer {
    table.finish(
      generation: context.system.generation(of: context.processes()),
      isConsistent: uses.allSatisfy(\.process.isConsistent))
  }

  static func write(
    _ nic: NICSnapshot, of process: ProcessSnapshot, to writer: inout JSONWriter
  ) {
    writer.member("name", process.nicName(UInt32(nic.index)))
    writer.member("address", Text.address4(nic.address))
    writer.member("prefix_length", nic.prefixLength)
    writer.member("provider", process.providerName(nic.provider))
    writer.member("registrations", nic.registrations)
    writer.member("queue_pairs", nic.queuePairs)
    writer.member("sends", nic.sends)
    writer.member("receives", nic.receives)
    writer.member("rdma_writes", nic.rdmaWrites)
    writer.member("rdma_reads", nic.rdmaReads)
    writer.member("out_bytes", nic.bytesOut)
    writer.member("in_bytes", nic.bytesIn)
    writer.member("errors", nic.errors)
    writer.member("protection_errors", nic.protectionErrors)
  }
}
