import CMemfdNIC
import Glibc
import Inspection
import Synchronization
import VirtualMemory

/// The thread that reads the socket: the peer's requests and answers, and its end.
///
/// It never waits for anything but the next frame. What the peer sends is believed in nothing.
final class ReceiveEngine: @unchecked Sendable {
  private let connection: Connection
  private let memory: LocalMemory
  private let backlog: Backlog
  private let staging: UnsafeMutableRawPointer
  private let attachmentAnswer: AttachmentAnswer
  /// The peer's write of which a part has come.
  private var inboundWrite: InboundWrite?
  /// Writes before this one have been acknowledged by the peer.
  private var acknowledgedWrites: UInt64 = 0
  private(set) var isEstablished: Bool

  /// - Parameter isEstablished: False where the peer has yet to accept.
  init(
    _ connection: Connection, nic: borrowing NICResources, answer: AttachmentAnswer,
    isEstablished: Bool
  ) throws(MemfdNICError) {
    self.connection = connection
    self.isEstablished = isEstablished
    attachmentAnswer = answer
    memory = try LocalMemory(mode: nic.mode, pins: nic.pins)
    backlog = try Backlog()
    staging = .allocate(byteCount: Limits.maximumMessageBytes, alignment: 64)
  }

  deinit {
    staging.deallocate()
  }

  /// The thread: returns when the connection ends.
  func run() {
    while !connection.isEnding {
      deliverBacklog()
      receive()
    }
    if let inboundWrite { inboundWrite.exposure.gate.leave() }
    inboundWrite = nil
  }

  private func receive() {
    var message = WireMessage()
    withUnsafeTemporaryAllocation(
      of: Int32.self, capacity: Int(CMemfdNIC_maximum_descriptors)
    ) { numbers in
      guard let first = numbers.baseAddress else { return }
      var count: Int32 = 0
      let bytes = CMemfdNIC_receive(
        connection.links.socket.number, &message, WireMessage.byteCount, staging,
        Limits.maximumMessageBytes, first, &count)
      switch bytes {
      case -Int(EAGAIN): waitForFrame()
      case -Int(ECONNRESET): break  // Said once; what was sent before it is still there.
      case 0: connection.end(isEstablished ? .reset : .refused)
      case ..<0: connection.end(.protocolViolation)
      default:
        let descriptor = Self.only(numbers, Int(count))
        handle(message, bytes: bytes, descriptor: descriptor)
      }
    }
  }

  /// The descriptor that came with a frame; where there were several, none of them.
  private static func only(
    _ numbers: UnsafeMutableBufferPointer<Int32>, _ count: Int
  ) -> Descriptor? {
    if count == 1 { return Descriptor(numbers[0]) }
    for index in 0..<count { close(numbers[index]) }
    return nil
  }

  private func waitForFrame() {
    // A peer's process that has ended may have left its socket to a child.
    if connection.peerProcess >= 0, CMemfdNIC_is_readable(connection.peerProcess) {
      if CMemfdNIC_is_readable(connection.links.socket.number) { return }
      connection.end(isEstablished ? .reset : .refused)
      return
    }
    connection.receiveWake.wait(
      or: connection.links.socket.number, and: connection.peerProcess)
  }

  private func handle(_ message: WireMessage, bytes: Int, descriptor: consuming Descriptor?) {
    let payload = bytes - WireMessage.byteCount
    guard payload >= 0, let type = FrameType(rawValue: message.type),
      type == .message || payload == 0
    else { return connection.end(.protocolViolation) }
    if !isEstablished { return establish(type, message, descriptor) }
    switch type {
    case .message: receiveMessage(message, payload)
    case .write: receiveWrite(message)
    case .writeAcknowledged: receiveAcknowledgement(message)
    case .read: enqueue(.read, message)
    case .readData: receiveReadData(message)
    case .refused: receiveRefusal(message)
    case .attach: enqueue(.attach, message)
    case .attached: receiveAttachment(message, descriptor)
    case .moved: receiveMove(message)
    case .hello, .accept, .refuse: connection.end(.protocolViolation)
    }
  }

  // MARK: The handshake

  private func establish(
    _ type: FrameType, _ message: WireMessage, _ descriptor: consuming Descriptor?
  ) {
    if type == .refuse { return connection.end(.refused) }
    guard type == .accept, message.version == WireMessage.version,
      let descriptor = consume descriptor
    else { return connection.end(.protocolViolation) }
    do throws(MemfdNICError) {
      connection.setPeer(
        PeerIntroduction(
          process: 0, connection: message.connection, access: try AccessTable(descriptor)))
    } catch {
      return connection.end(error == .exhausted ? .exhausted : .protocolViolation)
    }
    isEstablished = true
    connection.wasEstablished()
    connection.handlers.established()
  }

  // MARK: Messages

  /// The messages that found no receive, for a handover; when the thread has ended.
  func saveMessages() throws(MemfdNICError) -> Descriptor { try backlog.save() }

  /// Takes over what another process has saved; before the thread runs.
  func restoreMessages(_ saved: borrowing Descriptor) throws(MemfdNICError) {
    try backlog.restore(saved)
    if !backlog.isEmpty { connection.hasBacklog.store(1, ordering: .sequentiallyConsistent) }
  }

  private func receiveMessage(_ message: WireMessage, _ payload: Int) {
    if message.length != UInt64(payload) { return connection.end(.protocolViolation) }
    if backlog.isEmpty, let number = connection.receiveQueue.take() {
      return deliver(number, payload)
    }
    if !backlog.append(staging, count: payload) { return connection.end(.exhausted) }
    connection.hasBacklog.store(1, ordering: .sequentiallyConsistent)
  }

  /// Hands over messages that came too early, as far as receives have been posted.
  private func deliverBacklog() {
    if backlog.isEmpty { return }
    while !backlog.isEmpty, !connection.isEnding, let number = connection.receiveQueue.take() {
      deliver(number, backlog.take(into: staging))
    }
    if backlog.isEmpty { connection.hasBacklog.store(0, ordering: .sequentiallyConsistent) }
  }

  /// Hands over what a peer had sent before it went, as receives are posted for it: its sends were
  /// complete. Returns when all of it is handed over, or when this side closes.
  func deliverRest() {
    while !backlog.isEmpty, !connection.isClosed {
      if let number = connection.receiveQueue.take() {
        deliver(number, backlog.take(into: staging))
      } else {
        connection.receiveWake.wait()
      }
    }
  }

  /// Ends a receive with the message of `length` bytes that is in `staging`.
  private func deliver(_ number: UInt64, _ length: Int) {
    let queue = connection.receiveQueue
    let request = queue.request(number)
    guard queue.enterSegments(number) else { return failReceive(number) }
    let room = request.pointee.total
    let bytes = min(UInt64(length), room)
    while request.pointee.moved < bytes {
      let piece = LocalPiece.find(
        queue.segments(number), count: request.pointee.segmentCount,
        position: request.pointee.moved, limit: Int(bytes - request.pointee.moved))
      guard let piece else { preconditionFailure("segments shorter than their sum") }
      let isCopied = memory.copy(
        from: staging + Int(request.pointee.moved),
        to: connection.protection.entryInside(piece.key), at: piece.address, length: piece.length)
      if !isCopied { return failReceive(number) }
      request.pointee.moved += UInt64(piece.length)
    }
    connection.record.receives.count()
    connection.record.bytesIn.count(bytes)
    queue.finish(number, UInt64(length) > room ? .messageTooLong : .success, byteCount: bytes)
  }

  private func failReceive(_ number: UInt64) {
    connection.end(.localProtection)
    connection.record.errors.count()
    connection.receiveQueue.finish(number, .localProtectionError)
  }

  // MARK: The peer's writes

  private func receiveWrite(_ message: WireMessage) {
    guard let write = continueWrite(message) else { return }
    if message.length > write.total - write.moved
      || (message.length == 0 && write.total != 0)
      || Int64(CMemfdNIC_available(connection.links.inbound.number)) < Int64(message.length)
    {
      return connection.end(.protocolViolation)
    }
    if message.length > 0 {
      let address = write.exposure.range.start + UInt(write.offset + write.moved)
      if !fill(write.exposure.key, at: address, length: Int(message.length)) {
        return connection.refuse(message.sequence)
      }
    }
    connection.record.bytesIn.count(message.length)
    inboundWrite?.moved += message.length
    if write.moved + message.length == write.total {
      write.exposure.gate.leave()
      inboundWrite = nil
      acknowledge(message.sequence)
    }
  }

  /// The write that a frame belongs to: a new one, if the peer may, or the one under way. Nil: the
  /// connection ends.
  private func continueWrite(_ message: WireMessage) -> InboundWrite? {
    if let write = inboundWrite {
      if write.sequence == message.sequence { return write }
      connection.end(.protocolViolation)
      return nil
    }
    let exposure = connection.exposures.enter(
      slot: message.slot, nonce: message.nonce, access: .write, offset: message.offset,
      length: message.total)
    guard let exposure else {
      connection.refuse(message.sequence)
      return nil
    }
    inboundWrite = InboundWrite(
      sequence: message.sequence, exposure: exposure, offset: message.offset,
      total: message.total)
    return inboundWrite
  }

  /// Moves bytes that are in the pipe to pinned pages. False where the registration is gone.
  private func fill(_ key: RegistrationKey, at address: UInt, length: Int) -> Bool {
    guard let entry = connection.protection.enter(key) else { return false }
    defer { connection.protection.leave(key) }
    var done = 0
    while done < length {
      let moved = memory.fill(
        entry, at: address + UInt(done), length: length - done,
        from: connection.links.inbound.number)
      // Somebody else has taken what was announced.
      if moved <= 0 { return false }
      done += moved
    }
    return true
  }

  private func acknowledge(_ sequence: UInt64) {
    if connection.send(WireMessage(.writeAcknowledged, sequence: sequence)) == 0 { return }
    connection.acknowledgement.store(sequence &+ 1, ordering: .sequentiallyConsistent)
    connection.wakeTransmitter()
  }

  // MARK: What the peer asks for

  private func enqueue(_ kind: Response.Kind, _ message: WireMessage) {
    let response = Response(
      kind: kind, sequence: message.sequence, slot: message.slot, nonce: message.nonce,
      offset: message.offset, total: message.total)
    if !connection.responses.append(response) { return connection.end(.protocolViolation) }
    connection.wakeTransmitter()
  }

  // MARK: The peer's answers

  private func receiveAcknowledgement(_ message: WireMessage) {
    // The transmit thread of the peer may have been overtaken by its receive thread.
    if message.sequence < acknowledgedWrites { return }
    if !connection.sendQueue.isOutstanding(message.sequence, .write) {
      return connection.end(.protocolViolation)
    }
    finishWrites(through: message.sequence)
  }

  private func finishWrites(through last: UInt64) {
    let queue = connection.sendQueue
    for number in max(queue.oldest, acknowledgedWrites)...last
    where queue.isOutstanding(number, .write) {
      queue.finish(number, .success, byteCount: queue.request(number).pointee.total)
    }
    acknowledgedWrites = last + 1
  }

  private func receiveReadData(_ message: WireMessage) {
    let queue = connection.sendQueue
    let number = message.sequence
    guard queue.isOutstanding(number, .read) else { return connection.end(.protocolViolation) }
    let request = queue.request(number)
    if message.length > request.pointee.total - request.pointee.moved
      || (message.length == 0 && request.pointee.total != 0)
      || Int64(CMemfdNIC_available(connection.links.inbound.number)) < Int64(message.length)
    {
      return connection.end(.protocolViolation)
    }
    let end = request.pointee.moved + message.length
    while request.pointee.moved < end {
      let piece = LocalPiece.find(
        queue.segments(number), count: request.pointee.segmentCount,
        position: request.pointee.moved, limit: Int(end - request.pointee.moved))
      guard let piece else { preconditionFailure("segments shorter than their sum") }
      let moved = memory.take(
        connection.protection.entryInside(piece.key), at: piece.address, length: piece.length,
        from: connection.links.inbound.number)
      if moved <= 0 {
        connection.end(.localProtection)
        connection.record.errors.count()
        queue.finish(number, .localProtectionError)
        return
      }
      request.pointee.moved += UInt64(moved)
    }
    connection.record.bytesIn.count(message.length)
    if request.pointee.moved == request.pointee.total {
      queue.finish(number, .success, byteCount: request.pointee.total)
      // It may wait for this read.
      connection.wakeTransmitter()
    }
  }

  private func receiveRefusal(_ message: WireMessage) {
    connection.record.errors.count()
    connection.refusal.store(message.sequence &+ 1, ordering: .sequentiallyConsistent)
    connection.end(.remoteAccess)
  }

  private func receiveMove(_ message: WireMessage) {
    let process = Int32(bitPattern: message.slot)
    if process <= 0 { return connection.end(.protocolViolation) }
    connection.peerMoved(to: process)
    connection.handlers.peerMoved(process)
  }

  private func receiveAttachment(_ message: WireMessage, _ descriptor: consuming Descriptor?) {
    guard attachmentAnswer.isExpected, let descriptor = consume descriptor else {
      return connection.end(.protocolViolation)
    }
    attachmentAnswer.put(
      AttachmentOffer(
        descriptor: descriptor, offset: message.offset, length: message.length,
        access: MemoryAccess(rawValue: UInt8(truncatingIfNeeded: message.access))))
    connection.wakeTransmitter()
  }
}
