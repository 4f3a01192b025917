import CMemfdNIC
import Glibc
import Synchronization
import VirtualMemory

/// The two threads of a connection, from their start until they are joined.
final class Engines: @unchecked Sendable {
  let connection: Connection
  private let transmitter: TransmitEngine
  private let receiver: ReceiveEngine
  private var transmitThread = pthread_t()
  private var receiveThread = pthread_t()

  /// Makes everything that the threads need; they do not run yet.
  init(
    _ connection: Connection, nic: borrowing NICResources, isEstablished: Bool
  ) throws(MemfdNICError) {
    self.connection = connection
    transmitter = try TransmitEngine(connection, nic: nic)
    receiver = try ReceiveEngine(
      connection, nic: nic, answer: transmitter.attachmentAnswer, isEstablished: isEstablished)
  }

  /// Starts the threads. Where it throws neither runs.
  func start() throws(MemfdNICError) {
    transmitThread = try start("pindown-send") { context in
      Engines.takeContext(context).transmitter.run()
    }
    do throws(MemfdNICError) {
      receiveThread = try start("pindown-recv") { context in
        let engines = Engines.takeContext(context)
        engines.receiver.run()
        engines.windUp()
      }
    } catch {
      connection.end(.closed)
      pthread_join(transmitThread, nil)
      throw error
    }
  }

  private func start(
    _ name: StaticString, _ body: @convention(c) (UnsafeMutableRawPointer?) -> Void
  ) throws(MemfdNICError) -> pthread_t {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self)
    let error = name.utf8Start.withMemoryRebound(
      to: CChar.self, capacity: name.utf8CodeUnitCount + 1
    ) {
      CMemfdNIC_start(&thread, $0, body, context.toOpaque())
    }
    if error == 0 { return thread }
    context.release()
    throw error == -ENOMEM || error == -EAGAIN ? .exhausted : .system(errno: -error)
  }

  private static func takeContext(_ context: UnsafeMutableRawPointer?) -> Engines {
    guard let context else { preconditionFailure("a thread without its engines") }
    return Unmanaged<Engines>.fromOpaque(context).takeRetainedValue()
  }

  /// What the receive thread does last: every pending request ends, and the peer learns that the
  /// connection has.
  private func windUp() {
    pthread_join(transmitThread, nil)
    connection.exposures.closeAll()
    if connection.ending == .handedOver { return windUpHere() }
    // Only now: the peer takes the end of the stream to mean that we are in none of its memory.
    CMemfdNIC_end_sending(connection.links.socket.number)
    let ending = connection.ending
    let refusal = connection.refusal.load(ordering: .sequentiallyConsistent)
    connection.sendQueue.abandon(ending.status, refused: refusal == 0 ? nil : refusal - 1)
    var last = ending
    if ending == .reset, receiver.isEstablished {
      receiver.deliverRest()
      if connection.isClosed { last = .closed }
    }
    connection.receiveQueue.abandon(last.status)
    if receiver.isEstablished { connection.wasDisconnected() }
    if last == .closed { return }
    if receiver.isEstablished {
      connection.handlers.disconnected(last.error)
    } else {
      connection.handlers.failed(last.error)
    }
  }

  /// What is left to do where another process goes on: its end of the socket is ours.
  private func windUpHere() {
    connection.sendQueue.abandon(.aborted)
    connection.receiveQueue.abandon(Ending.handedOver.status)
  }

  /// Stops the threads without ending the connection. False where it had ended already.
  func suspend() -> Bool {
    precondition(!isCurrentThread, "a queue pair is not suspended from one of its handlers")
    connection.end(.handedOver)
    if connection.ending != .handedOver { return false }
    pthread_join(receiveThread, nil)
    return true
  }

  /// The messages that found no receive, of threads that `suspend` has stopped.
  func saveMessages() throws(MemfdNICError) -> Descriptor { try receiver.saveMessages() }

  /// Takes over what another process has saved; before `start`.
  func restoreMessages(_ saved: borrowing Descriptor) throws(MemfdNICError) {
    try receiver.restoreMessages(saved)
  }

  private var isCurrentThread: Bool {
    pthread_equal(pthread_self(), receiveThread) != 0
      || pthread_equal(pthread_self(), transmitThread) != 0
  }

  /// Ends the connection and waits until nothing more is called.
  func stop() {
    precondition(!isCurrentThread, "a queue pair is not closed from one of its handlers")
    connection.close()
    pthread_join(receiveThread, nil)
  }
}
