import Glibc

/// The demo: what is done, in order. What it shows it also checks, and it fails where the check
/// does.
struct Demo {
  let providers: [String]

  func run() throws {
    try LockedMemory.check()
    let file = try SourceFile.find()
    let folder = try TemporaryFolder(named: "pindown-demo")
    say("Pindown keeps RDMA registration caches honest. This is the main job, once, for real.")
    let mount = DemoMount(in: folder.path)
    Interruption.cleanUp { mount.end() }
    defer { mount.end() }
    try mount.begin()
    let server = try RoleProcess(["demo-server"] + options, environment: Self.strict)
    let addresses = try server.answer()
    say("Server: process \(server.pid), listens at \(addresses.joined(separator: " and ")).")
    try withCallbacks(file, mount, server, addresses)
    try withoutCallbacks(file, server, addresses)
    try expect(server.end() == 0, "the server did not end well")
    say("\nDone. Everything is unmounted and removed.")
  }

  private var options: [String] { providers.flatMap { ["--provider", $0] } }

  /// Local buffers, too, are read by their frames: only so a stale registration shows.
  private static let strict = ["PINDOWN_DMA": "strict"]

  private func client(
    _ file: SourceFile, _ server: RoleProcess, _ addresses: [String],
    environment: [String: String] = [:]
  ) throws -> RoleProcess {
    let settings = Self.strict.merging(environment) { $1 }
    let client = try RoleProcess(
      ["demo-client"] + options + [file.path] + addresses, environment: settings)
    let targets = try server.ask("accept")
    try expect(targets.count == 2 * addresses.count, "the server exposes too little")
    _ = try client.answer()
    let descriptors = stride(from: 1, to: targets.count, by: 2).map { targets[$0] }
    try client.ask("aim \(descriptors.joined(separator: " "))")
    say("Client: process \(client.pid), connected through both NICs.")
    for (index, address) in addresses.enumerated() {
      say("  \(address): the server's buffer is \(targets[2 * index]) memory")
    }
    return client
  }

  // MARK: The main job

  private func withCallbacks(
    _ file: SourceFile, _ mount: DemoMount, _ server: RoleProcess, _ addresses: [String]
  ) throws {
    let client = try client(file, server, addresses)
    let view = try mount.view(of: client.pid)

    heading("1. The client allocates 8 MiB, fills them, registers and writes them over both NICs")
    let address = try client.ask("allocate")[0]
    say("malloc gave \(address); filled from \(file.path)")
    try send(client, server, part: 0)
    say("The file's own sum, by hand: head -c \(SourceFile.byteCount) \(file.path) | sha256sum")

    heading("2. The client has released the registrations: they are cached, and the pages pinned")
    try view.list()
    try expect(try view.entries() == [1, 1], "the cache should have one region")
    let pinned = try pinnedKilobytes(client.pid)
    say("$ grep VmPin /proc/\(client.pid)/status\n\(pinned.line)")
    try expect(pinned.value > 0, "nothing is pinned")

    heading("3. free(): the C library unmaps the block, and the provider is called first")
    let events = try mount.events(of: client.pid).count
    try client.ask("free")
    let news = Array(try mount.events(of: client.pid).dropFirst(events))
    say("$ cat \(mount.path)/events | grep ' \(client.pid) '   # what is new")
    say(mount.eventColumns)
    for line in news { say(line) }
    try check(news, provider: view.provider)

    heading("4. Nothing is left")
    try view.list()
    try expect(try view.entries() == [0, 0], "regions are left")
    let left = try pinnedKilobytes(client.pid)
    say("$ grep VmPin /proc/\(client.pid)/status\n\(left.line)")
    try expect(left.value == 0, "memory is still pinned")

    heading("5. New memory at the same address \(address), with other content")
    try expect(try client.ask("remap") == [address], "the address is another one")
    try send(client, server, part: 1)
    say("What arrived is what the client has now.")
    try expect(client.end() == 0, "the client did not end well")
  }

  private func check(_ events: [String], provider: String) throws {
    let callbacks = events.filter { $0.contains(" callback ") && $0.contains(" ok ") }
    try expect(callbacks.count == 1, "the provider should have been called back once")
    let deregistered = events.filter { $0.contains(" deregistered ") }
    let nics = Set(deregistered.compactMap { DemoMount.field(7, of: $0) })
    try expect(nics.count == 2, "the registration should have gone from two NICs")
    say(
      "One callback of \(provider); the registration has gone from "
        + nics.sorted().joined(separator: " and ") + ".")
  }

  // MARK: The counter-proof

  private func withoutCallbacks(
    _ file: SourceFile, _ server: RoleProcess, _ addresses: [String]
  ) throws {
    heading("6. The counter-proof: the same without callbacks (PINDOWN_MONITORS=none)")
    let client = try client(
      file, server, addresses, environment: ["PINDOWN_MONITORS": "none"])
    let address = try client.ask("allocate")[0]
    let old = try client.ask("fill 0")[0]
    _ = try client.ask("write")
    try expect(try server.ask("digest").allSatisfy { $0 == old }, "the first write did not arrive")
    say("malloc gave \(address); the client has, and the server got\n  \(old)")
    try client.ask("free")
    say("free(): nobody is told; the cache still has the registration, the NICs the old pages.")
    try expect(try client.ask("remap") == [address], "the address is another one")
    let new = try client.ask("fill 1")[0]
    try server.ask("clear")
    _ = try client.ask("write")
    let got = try server.ask("digest")
    say("New memory at \(address): the client has\n  \(new)")
    for (nic, sum) in zip(addresses, got) { say("The server got through \(nic)\n  \(sum)") }
    try expect(
      got.allSatisfy { $0 == old } && old != new,
      "without callbacks the old content should have arrived; so the proof above proves nothing")
    say(
      "The OLD content arrived, without any error: that is the corruption which Pindown prevents.")
    try expect(client.end() == 0, "the client did not end well")
  }

  // MARK: Steps

  /// Fills, writes through both NICs, and compares what both ends have.
  private func send(
    _ client: RoleProcess, _ server: RoleProcess, part: Int
  ) throws {
    let sum = try client.ask("fill \(part)")[0]
    try server.ask("clear")
    for attempt in ["first", "again"] {
      let numbers = try client.ask("write").compactMap(Int.init)
      try expect(numbers.count == 3, "the client did not say how it went")
      let time = Duration.nanoseconds(numbers[0]).text
      say(
        "\(attempt): 2 registrations and RDMA writes in \(time); the cache missed "
          + "\(numbers[1]) and hit \(numbers[2])")
    }
    say("SHA-256 at the client             \(sum)")
    for (index, got) in try server.ask("digest").enumerated() {
      say("SHA-256 at the server, NIC \(index + 1)      \(got)")
      try expect(got == sum, "what arrived is not what was sent")
    }
  }

  private func pinnedKilobytes(_ pid: pid_t) throws -> (line: String, value: Int) {
    let lines = try TextFile.lines("/proc/\(pid)/status")
    guard let line = lines.first(where: { $0.hasPrefix("VmPin:") }),
      let value = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first,
      let number = Int(value)
    else { throw ToolError("/proc/\(pid)/status has no VmPin") }
    return (String(line), number)
  }

  private func heading(_ text: String) {
    say("\n\(text)")
  }

  private func expect(_ condition: Bool, _ otherwise: String) throws {
    if !condition { throw ToolError("the demo has failed: \(otherwise)") }
  }
}
