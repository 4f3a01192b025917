import Inspection

/// What a node is rendered from: who asks, what it is about, and the processes as they are now.
///
/// A context serves one request; whatever it copies is copied once, so that what it renders belongs
/// together.
final class RenderContext: Sendable {
  let reader: Reader
  let subject: Subject
  /// Whom the request came to.
  let server: NodeServer
  let use: SnapshotUse
  private let cache: SnapshotShelf

  var system: SystemView { server.system }

  init(reader: Reader, subject: Subject, server: NodeServer, use: SnapshotUse) {
    self.reader = reader
    self.subject = subject
    self.server = server
    self.use = use
    cache = SnapshotShelf()
  }

  private init(_ context: RenderContext, subject: Subject) {
    reader = context.reader
    self.subject = subject
    server = context.server
    use = context.use
    cache = context.cache
  }

  /// The same request, about something else.
  func about(_ subject: Subject) -> RenderContext {
    RenderContext(self, subject: subject)
  }

  /// Every process that this reader may see.
  func processes() -> [PublishedProcess] {
    cache.processes { system.processes(visibleTo: reader) }
  }

  /// The process that the node is about. Throws ENOENT once it has gone.
  func process() throws(ControlError) -> PublishedProcess {
    guard let identity = subject.process, let process = system.process(identity),
      reader.mayKnow(process)
    else { throw .gone }
    return process
  }

  /// A copy of what the process published, the same one for the whole request.
  func snapshot(of process: PublishedProcess) -> ProcessSnapshot {
    cache.snapshot(of: process.identity) { system.snapshot(of: process, use: use) }
  }

  func snapshot() throws(ControlError) -> ProcessSnapshot {
    snapshot(of: try process())
  }

  func provider() throws(ControlError) -> ProviderSnapshot {
    let index = subject.providerIndex
    guard let provider = try snapshot().providers.first(where: { $0.index == index }) else {
      throw .gone
    }
    return provider
  }

  func region() throws(ControlError) -> RegionSnapshot {
    let region = try snapshot().regions.first {
      $0.index == subject.regionIndex && $0.generation == subject.regionGeneration
    }
    guard let region else { throw .gone }
    return region
  }
}

extension Reader {
  /// Whether the kernel would show the process to this reader.
  func mayKnow(_ process: PublishedProcess) -> Bool {
    isPrivileged || user == process.userID
  }
}
