import CInspection
import CLinuxMemory
import Glibc

/// Takes requests from outside for this process, on a thread of its own.
///
/// Who is asked is named in the published header. Only root and the user of this process are
/// heard. A child made by fork has neither the thread nor, once it publishes, the name.
package final class ControlServer: @unchecked Sendable {
  private let publication: Publication
  private let handler: @Sendable (ControlRequest) -> ControlReply
  private let listener: Int32
  private var thread = pthread_t()
  private let pid = getpid()

  /// Listens, publishes the name, and starts the thread.
  ///
  /// - Parameter handler: called on that thread, one request at a time; it may allocate and lock,
  ///   and should answer within a second, since who asks waits two.
  /// Throws `.system` where the socket or the thread cannot be made. Not for hook context.
  package init(
    publication: Publication, handler: @escaping @Sendable (ControlRequest) -> ControlReply
  ) throws(InspectionError) {
    self.publication = publication
    self.handler = handler
    listener = try ControlSocket.make()
    do {
      publishName(try listen())
      try startThread()
    } catch {
      publishName("")
      close(listener)
      throw error
    }
  }

  /// Ends the thread and takes the name back. In a child after a fork it only closes.
  package func stop() {
    if pid == getpid() {
      publishName("")
      shutdown(listener, Int32(SHUT_RDWR))
      pthread_join(thread, nil)
    }
    close(listener)
  }

  private func listen() throws(InspectionError) -> String {
    // The number of a clock keeps the name from being one that somebody took beforehand.
    let name = "pindown-\(pid)-\(CLinuxMemory_monotonic())"
    let bound = ControlSocket.withAddress(name) { bind(listener, $0, $1) }
    if bound != 0 || Glibc.listen(listener, Limits.controlBacklog) != 0 {
      throw .system(errno: errno)
    }
    return name
  }

  private func publishName(_ name: String) {
    publication.update {
      let field = UnsafeMutableRawBufferPointer(
        start: publication.header.controlSocketName, count: ProcessHeader.controlSocketNameBytes)
      field.initializeMemory(as: UInt8.self, repeating: 0)
      for (index, byte) in name.utf8.enumerated() { field[index] = byte }
    }
  }

  private func startThread() throws(InspectionError) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, Limits.controlStackBytes)
    // The thread inherits the mask: no signal handler of the application may run on it.
    let mask = CLinuxMemory_block_signals()
    defer { CLinuxMemory_restore_signals(mask) }
    let server = Unmanaged.passRetained(self)
    let result = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        Unmanaged<ControlServer>.fromOpaque(argument).takeRetainedValue().serve()
        return nil
      }, server.toOpaque())
    if result != 0 {
      server.release()
      throw .system(errno: result)
    }
  }

  private func serve() {
    while true {
      let connection = CInspection_accept(listener)
      // What `stop` does to the socket makes it EINVAL.
      if connection == -EINVAL || connection == -EBADF { return }
      if connection < 0 {
        // No descriptors or memory left: others may give some back.
        if connection != -EINTR { usleep(Limits.attemptPauseMicroseconds) }
        continue
      }
      answer(connection)
      close(connection)
    }
  }

  private func answer(_ connection: Int32) {
    ControlSocket.setTimeout(connection, milliseconds: Limits.controlTimeoutMilliseconds / 2)
    guard let peer = ControlSocket.peer(of: connection) else { return }
    let reply: ControlReply
    if peer.user != 0 && peer.user != geteuid() {
      reply = .failed(errno: EPERM, reason: "the process belongs to another user")
    } else {
      guard let text = ControlSocket.receive(connection), !text.isEmpty else { return }
      if let request = ControlRequest(text: text) {
        reply = handler(request)
      } else {
        reply = .failed(errno: EINVAL, reason: "the process does not know this request")
      }
    }
    _ = ControlSocket.send(connection, reply.text)
  }
}
