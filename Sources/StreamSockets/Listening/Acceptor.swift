import CLinuxMemory
import SocketsSwitch
import VirtualMemory

/// What accepts connections from providers for a listener: a thread that waits for them (spec
/// section 5.4), and one for each that has not said hello, so that none can hold up the others.
final class Acceptor: Sendable {
  private struct State {
    var isClosed = false
    /// Connections that have not said hello, and those that have.
    var greeting: [ObjectIdentifier: Session] = [:]
    var ready: [StreamSocket] = []
  }

  private let listener: Listener
  private let options: StreamOptions
  private let wakeUp: WakeUp
  private let state = Lock(State())
  private let change = ChangeWord()

  /// Begins to accept; signals `wakeUp` when a connection is ready.
  init(_ listener: Listener, _ options: StreamOptions, _ wakeUp: WakeUp) throws(StreamError) {
    self.listener = listener
    self.options = options
    self.wakeUp = wakeUp
    try Self.start("pindown-accept") { [self] in run() }
  }

  /// The connection that has been ready longest.
  func next() -> StreamSocket? {
    let socket = state.withLock { state in
      state.ready.isEmpty ? nil : state.ready.removeFirst()
    }
    if socket != nil { change.announce() }
    return socket
  }

  /// Ends everything that was not handed out.
  func close() {
    listener.close()
    let (greeting, ready) = state.withLock { state in
      defer { state = State(isClosed: true) }
      return (state.greeting, state.ready)
    }
    for session in greeting.values { session.abort() }
    for socket in ready { socket.abort() }
    change.announce()
  }

  private func run() {
    var failures = 0
    while waitForRoom(), failures < Limits.backlog {
      do throws(SwitchError) {
        let socket = try listener.accept(within: .seconds(3600))
        failures = 0
        greet(socket)
      } catch {
        switch error {
        case .timedOut: break
        // One connection that could not be made; the next may.
        case .refused(.accept, _): failures += 1
        default: return
        }
      }
    }
  }

  /// Waits until another connection may be taken; until then a provider refuses what exceeds its
  /// backlog. False when the listener is closed.
  private func waitForRoom() -> Bool {
    while true {
      let seen = change.value
      let (isClosed, hasRoom) = state.withLock { state in
        (
          state.isClosed,
          state.ready.count < Limits.backlog && state.greeting.count < Limits.greetingCount
        )
      }
      if isClosed { return false }
      if hasRoom { return true }
      change.wait(after: seen, until: Deadline(after: .seconds(3600)))
    }
  }

  private func greet(_ socket: SwitchSocket) {
    // Where there is no memory for it, the connection is closed: the last reference goes.
    guard let session = try? Session(socket, isAccepting: true, options) else { return }
    let isOpen = state.withLock { state in
      if state.isClosed { return false }
      state.greeting[ObjectIdentifier(session)] = session
      return true
    }
    if !isOpen { return session.abort() }
    do throws(StreamError) {
      try Self.start("pindown-greet") { [self] in finishGreeting(session) }
    } catch {
      _ = state.withLock { $0.greeting.removeValue(forKey: ObjectIdentifier(session)) }
      session.abort()
    }
  }

  private func finishGreeting(_ session: Session) {
    var isGreeted = true
    do throws(StreamError) {
      try session.greet(until: Deadline(after: Limits.greeting))
    } catch {
      isGreeted = false
    }
    let isKept = state.withLock { state in
      let isOurs = state.greeting.removeValue(forKey: ObjectIdentifier(session)) != nil
      if isOurs, isGreeted { state.ready.append(StreamSocket(session)) }
      return isOurs && isGreeted
    }
    if isKept { wakeUp.signal() } else { session.abort() }
    change.announce()
  }

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  private static func start(
    _ name: String, _ body: @escaping @Sendable () -> Void
  ) throws(StreamError) {
    let context = Unmanaged.passRetained(Body(body))
    let result = CLinuxMemory_start_thread(
      name,
      { context in
        if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, context.toOpaque())
    if result != 0 {
      context.release()
      throw .system(operation: "pthread_create", code: -result)
    }
  }
}
