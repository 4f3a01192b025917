import CMemfdNIC
import Glibc
import Inspection
import Synchronization
import VirtualMemory

/// What the two engines of a queue pair, and the queue pair itself, have in common once there is,
/// or may be, a peer.
final class Connection: @unchecked Sendable {
  let links: Links
  let protection: ProtectionTable
  let exposures: ExposureTable
  let sendQueue: WorkQueue
  let receiveQueue: WorkQueue
  let handlers: QueuePairHandlers
  let record: NICRecord
  private let publication: Publication
  private let nicIndex: UInt32
  let responses = ResponseQueue()
  let transmitWake: EventSignal
  let receiveWake: EventSignal
  /// The process at the other end as something to poll: readable when it has ended. -1 where it is
  /// this process, or the system has no such thing.
  /// The receive thread's own, once it runs.
  private(set) var peerProcess: Int32
  /// The number of that process.
  private(set) var peerPID: Int32

  /// The peer's gates, and its number for the connection. Written once, before anything is posted:
  /// when the connection is accepted.
  private(set) var peerAccess: AccessTable?
  private(set) var peerConnection: UInt64 = 0

  /// 1 while the transmit thread is about to wait, or waits, for something to do.
  let isTransmitterIdle = Atomic<UInt32>(0)
  /// 1 while messages wait for a receive to be posted.
  let hasBacklog = Atomic<UInt32>(0)
  /// 1 + the number of the peer's last write that is still to be acknowledged by the transmit
  /// thread; 0: none.
  let acknowledgement = Atomic<UInt64>(0)
  /// 1 + the number of the request that the peer refused; 0: none.
  let refusal = Atomic<UInt64>(0)
  private let endingWord = Atomic<UInt32>(0)
  private let closedWord = Atomic<Bool>(false)

  init(
    _ links: consuming Links, nic: borrowing NICResources, exposures: ExposureTable,
    sendQueue: WorkQueue, receiveQueue: WorkQueue, handlers: QueuePairHandlers, peerPID: Int32
  ) throws(MemfdNICError) {
    protection = nic.protection
    record = nic.record
    publication = nic.publication
    nicIndex = UInt32(nic.index)
    self.exposures = exposures
    self.sendQueue = sendQueue
    self.receiveQueue = receiveQueue
    self.handlers = handlers
    transmitWake = try EventSignal()
    receiveWake = try EventSignal()
    self.peerPID = peerPID
    peerProcess = Self.watch(peerPID)
    self.links = links
  }

  deinit {
    if peerProcess >= 0 { Glibc.close(peerProcess) }
  }

  private static func watch(_ process: Int32) -> Int32 {
    process == getpid() ? -1 : max(CMemfdNIC_process(process), -1)
  }

  /// Another process has taken over the peer's end. For the receive thread.
  func peerMoved(to process: Int32) {
    if peerProcess >= 0 { Glibc.close(peerProcess) }
    peerPID = process
    peerProcess = Self.watch(process)
  }

  /// The memfd of the peer's gates. Only of an established connection.
  var peerAccessDescriptor: Int32 {
    guard let number = peerAccess?.descriptor.number else {
      preconditionFailure("a connection without a peer")
    }
    return number
  }

  /// The peer's part of the handshake.
  func setPeer(_ peer: consuming PeerIntroduction) {
    peerConnection = peer.connection
    peerAccess = .some(peer.access)
  }

  /// The gate of what the peer exposes in mapped memory; nil where there can be none.
  func peerGate(_ slot: UInt32) -> Gate? {
    slot < UInt32(Limits.maximumExposures) ? peerAccess?.gate(slot) : nil
  }

  /// The handshake is complete: requests can be posted.
  func wasEstablished() {
    sendQueue.accept()
    publication.append(.connected, provider: record.provider.loadRelaxed(), nic: nicIndex)
  }

  func wasDisconnected() {
    publication.append(.disconnected, provider: record.provider.loadRelaxed(), nic: nicIndex)
  }

  // MARK: Ending

  var ending: Ending {
    Ending(rawValue: endingWord.load(ordering: .sequentiallyConsistent)) ?? .none
  }
  var isEnding: Bool { ending != .none }

  /// Makes both engines stop as soon as they can. The first reason counts.
  func end(_ reason: Ending) {
    let (isFirst, _) = endingWord.compareExchange(
      expected: Ending.none.rawValue, desired: reason.rawValue,
      ordering: .sequentiallyConsistent)
    if !isFirst { return }
    transmitWake.signal()
    receiveWake.signal()
  }

  /// Whether nobody wants what has arrived.
  var isClosed: Bool { closedWord.load(ordering: .sequentiallyConsistent) }

  /// Ends the connection on this side's wish, also where it has ended already but still has
  /// messages to hand over.
  func close() {
    closedWord.store(true, ordering: .sequentiallyConsistent)
    end(.closed)
    receiveWake.signal()
  }

  // MARK: Waking

  /// Something was put where an idle transmit thread looks.
  func wakeTransmitter() {
    if isTransmitterIdle.exchange(0, ordering: .sequentiallyConsistent) == 1 {
      transmitWake.signal()
    }
  }

  /// A receive was posted.
  func receivePosted() {
    if hasBacklog.load(ordering: .sequentiallyConsistent) == 1 { receiveWake.signal() }
  }

  // MARK: Frames

  /// Sends a frame without waiting: 0 or -errno.
  func send(
    _ message: WireMessage, payload: UnsafeRawPointer? = nil, payloadLength: Int = 0,
    descriptor: Int32 = -1
  ) -> Int32 {
    var message = message
    var descriptor = descriptor
    let sent = CMemfdNIC_send(
      links.socket.number, &message, WireMessage.byteCount, payload, payloadLength, &descriptor,
      descriptor >= 0 ? 1 : 0)
    return sent < 0 ? Int32(sent) : 0
  }

  /// Tells the peer that one of its requests is refused, and ends the connection: both ends break
  /// where one end does what it may not.
  func refuse(_ sequence: UInt64) {
    record.protectionErrors.count()
    _ = send(WireMessage(.refused, sequence: sequence))
    end(.remoteAccess)
  }
}
