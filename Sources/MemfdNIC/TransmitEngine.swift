import CMemfdNIC
import Glibc
import Inspection
import Synchronization
import VirtualMemory

/// The thread that works the send queue, strictly in order, and answers what the peer asks for.
///
/// It waits only in `EventSignal.wait`, from which the end of the connection wakes it. It holds a
/// registration entered while it waits only for its own request, never for the peer's.
final class TransmitEngine: @unchecked Sendable {
  private let connection: Connection
  private let memory: LocalMemory
  private let attachments = AttachmentTable()
  private let staging: UnsafeMutableRawPointer
  /// From the receive thread: the peer's answer to `attach`.
  let attachmentAnswer = AttachmentAnswer()
  /// The socket takes nothing any more: the receive thread will come to the end of what the peer
  /// has said, and end the connection.
  private var isCutOff = false

  init(_ connection: Connection, nic: borrowing NICResources) throws(MemfdNICError) {
    self.connection = connection
    memory = try LocalMemory(mode: nic.mode, pins: nic.pins)
    staging = .allocate(byteCount: Limits.maximumMessageBytes, alignment: 64)
  }

  deinit {
    staging.deallocate()
  }

  /// The thread: returns when the connection ends.
  func run() {
    while !connection.isEnding, !isCutOff {
      if !acknowledge() || !respond() { break }
      if let number = connection.sendQueue.take() {
        transmit(number)
      } else {
        sleep()
      }
    }
    attachments.detachAll()
  }

  private func sleep() {
    connection.isTransmitterIdle.store(1, ordering: .sequentiallyConsistent)
    let hasWork =
      connection.isEnding || connection.sendQueue.hasWork || !connection.responses.isEmpty
      || connection.acknowledgement.load(ordering: .sequentiallyConsistent) != 0
    if !hasWork { connection.transmitWake.wait() }
    connection.isTransmitterIdle.store(0, ordering: .sequentiallyConsistent)
  }

  // MARK: Sending and waiting. False: the connection ends.

  private func send(
    _ message: WireMessage, payloadLength: Int = 0, descriptor: Int32 = -1
  ) -> Bool {
    while !connection.isEnding {
      let error = connection.send(
        message, payload: staging, payloadLength: payloadLength, descriptor: descriptor)
      switch error {
      case 0: return true
      case -EAGAIN, -ENOBUFS, -ETOOMANYREFS:
        connection.transmitWake.wait(or: connection.links.socket.number, is: .writable)
      case -EPIPE, -ECONNRESET, -ENOTCONN:
        isCutOff = true
        return false
      default: preconditionFailure("a frame could not be sent")
      }
    }
    return false
  }

  /// Waits until `condition` holds, and meanwhile answers the peer, which may wait for us.
  private func wait(until condition: () -> Bool) -> Bool {
    while !connection.isEnding {
      if !acknowledge() || !respond() { return false }
      if condition() { return true }
      connection.isTransmitterIdle.store(1, ordering: .sequentiallyConsistent)
      let mustWait =
        !condition() && connection.responses.isEmpty
        && connection.acknowledgement.load(ordering: .sequentiallyConsistent) == 0
      if mustWait { connection.transmitWake.wait() }
      connection.isTransmitterIdle.store(0, ordering: .sequentiallyConsistent)
    }
    return false
  }

  private func waitForRoom() {
    connection.transmitWake.wait(or: connection.links.outbound.number, is: .writable)
  }

  /// Sends an acknowledgement that the receive thread could not.
  private func acknowledge() -> Bool {
    let value = connection.acknowledgement.exchange(0, ordering: .sequentiallyConsistent)
    return value == 0 || send(WireMessage(.writeAcknowledged, sequence: value - 1))
  }

  // MARK: Our requests

  private func transmit(_ number: UInt64) {
    let request = connection.sendQueue.request(number)
    // A read's data must be there before anything else is begun; only reads may overlap.
    let room = request.pointee.kind == .read ? Limits.maximumOutstandingReads : 1
    if !wait(until: { connection.sendQueue.outstandingReads < room }) { return }
    if !connection.sendQueue.enterSegments(number) {
      fail(number, .localProtectionError, .localProtection)
      return
    }
    switch request.pointee.kind {
    case .send: sendMessage(number)
    case .write, .read:
      guard let remote = request.pointee.remote else {
        preconditionFailure("an RDMA request without a descriptor")
      }
      if remote.isMapped != 0 {
        copyDirectly(number, remote)
      } else if request.pointee.kind == .write {
        write(number, remote)
      } else {
        read(number, remote)
      }
    case .receive: preconditionFailure("a receive on the send queue")
    }
  }

  /// Ends a request in error, and with it the connection: what comes after it may rely on it.
  private func fail(_ number: UInt64, _ status: CompletionStatus, _ ending: Ending) {
    connection.end(ending)
    connection.sendQueue.finish(number, status)
    connection.record.errors.count()
  }

  /// The piece of a request's local memory that comes next: at most `limit` bytes of one segment.
  private func nextPiece(
    _ number: UInt64, limit: Int
  ) -> (entry: ProtectionEntry, address: UInt, length: Int)? {
    let request = connection.sendQueue.request(number)
    let piece = LocalPiece.find(
      connection.sendQueue.segments(number), count: request.pointee.segmentCount,
      position: request.pointee.moved, limit: limit)
    guard let piece else { return nil }
    return (connection.protection.entryInside(piece.key), piece.address, piece.length)
  }

  private func sendMessage(_ number: UInt64) {
    let request = connection.sendQueue.request(number)
    while let piece = nextPiece(number, limit: Limits.maximumMessageBytes) {
      let target = staging + Int(request.pointee.moved)
      if !memory.copy(from: piece.entry, at: piece.address, length: piece.length, to: target) {
        fail(number, .localProtectionError, .localProtection)
        return
      }
      request.pointee.moved += UInt64(piece.length)
    }
    var message = WireMessage(.message, sequence: number)
    message.length = request.pointee.total
    if !send(message, payloadLength: Int(request.pointee.total)) { return }
    connection.record.sends.count()
    succeed(number)
  }

  private func succeed(_ number: UInt64) {
    let total = connection.sendQueue.request(number).pointee.total
    connection.record.bytesOut.count(total)
    connection.sendQueue.finish(number, .success, byteCount: total)
  }

  /// RDMA write to pinned memory: the bytes into the pipe, then the frame that announces them.
  private func write(_ number: UInt64, _ remote: RemoteDescriptor) {
    let request = connection.sendQueue.request(number)
    var message = WireMessage(.write, sequence: number)
    message.slot = remote.slot
    message.nonce = remote.nonce
    message.offset = request.pointee.offset
    message.total = request.pointee.total
    connection.record.rdmaWrites.count()
    connection.record.bytesOut.count(request.pointee.total)
    repeat {
      var length = 0
      if let piece = nextPiece(number, limit: Limits.chunkBytes) {
        length = memory.put(
          piece.entry, at: piece.address, length: piece.length, into: connection.links)
        if length == -Int(EAGAIN) {
          if connection.isEnding { return }
          waitForRoom()
          continue
        }
        if length == -Int(EPIPE) {
          connection.end(.reset)
          return
        }
        if length <= 0 {
          fail(number, .localProtectionError, .localProtection)
          return
        }
      }
      request.pointee.moved += UInt64(length)
      message.length = UInt64(length)
      let isLast = request.pointee.moved == request.pointee.total
      if isLast { connection.sendQueue.expectAnswer(number) }
      if !send(message) || isLast { return }
    } while !connection.isEnding
  }

  /// RDMA read from pinned memory: the receive thread takes the answer.
  private func read(_ number: UInt64, _ remote: RemoteDescriptor) {
    let request = connection.sendQueue.request(number)
    var message = WireMessage(.read, sequence: number)
    message.slot = remote.slot
    message.nonce = remote.nonce
    message.offset = request.pointee.offset
    message.total = request.pointee.total
    connection.record.rdmaReads.count()
    connection.sendQueue.expectAnswer(number)
    _ = send(message)
  }

  // MARK: Mapped memory of the peer

  private func copyDirectly(_ number: UInt64, _ remote: RemoteDescriptor) {
    let request = connection.sendQueue.request(number)
    guard let attachment = attach(number, remote) else { return }
    let isWrite = request.pointee.kind == .write
    let (end, overflow) = request.pointee.offset.addingReportingOverflow(request.pointee.total)
    guard attachment.access.contains(isWrite ? .write : .read), !overflow,
      end <= attachment.length, let gate = connection.peerGate(remote.slot),
      gate.enter(generation: remote.nonce)
    else {
      fail(number, .remoteAccessError, .remoteAccess)
      return
    }
    let outcome = copyPieces(number, attachment, gate, isWrite)
    gate.leave()
    if isWrite {
      connection.record.rdmaWrites.count()
    } else {
      connection.record.rdmaReads.count()
    }
    switch outcome {
    case .success: succeed(number)
    case .aborted: break
    case .remoteAccessError: fail(number, .remoteAccessError, .remoteAccess)
    default: fail(number, .localProtectionError, .localProtection)
    }
  }

  /// Copies chunk by chunk, and looks after each whether it should still go on.
  private func copyPieces(
    _ number: UInt64, _ attachment: AttachmentTable.Attachment, _ gate: Gate, _ isWrite: Bool
  ) -> CompletionStatus {
    let request = connection.sendQueue.request(number)
    while let piece = nextPiece(number, limit: Limits.chunkBytes) {
      let remote = attachment.start + Int(request.pointee.offset + request.pointee.moved)
      let isCopied =
        isWrite
        ? memory.copy(from: piece.entry, at: piece.address, length: piece.length, to: remote)
        : memory.copy(from: remote, to: piece.entry, at: piece.address, length: piece.length)
      if !isCopied { return .localProtectionError }
      request.pointee.moved += UInt64(piece.length)
      if connection.isEnding { return .aborted }
      if gate.isClosed, request.pointee.moved < request.pointee.total { return .remoteAccessError }
    }
    return .success
  }

  /// The mapping of what a descriptor names; asked for at its first use. Nil: the connection ends.
  private func attach(
    _ number: UInt64, _ remote: RemoteDescriptor
  ) -> AttachmentTable.Attachment? {
    if let known = attachments.find(slot: remote.slot, nonce: remote.nonce) { return known }
    var message = WireMessage(.attach, sequence: number)
    message.slot = remote.slot
    message.nonce = remote.nonce
    attachmentAnswer.expect()
    if !send(message) { return nil }
    if !wait(until: { attachmentAnswer.isThere }) { return nil }
    guard let offer = attachmentAnswer.take() else { preconditionFailure("no answer is there") }
    do throws(MemfdNICError) {
      return try attachments.attach(offer, slot: remote.slot, nonce: remote.nonce)
    } catch {
      connection.end(error == .exhausted ? .exhausted : .protocolViolation)
      return nil
    }
  }

  // MARK: The peer's requests

  /// Answers everything that the peer has asked for. False: the connection ends.
  private func respond() -> Bool {
    while let response = connection.responses.take() {
      switch response.kind {
      case .read: if !respondToRead(response) { return false }
      case .attach: if !respondToAttach(response) { return false }
      }
    }
    return true
  }

  private func respondToAttach(_ response: Response) -> Bool {
    guard let offer = connection.exposures.offer(slot: response.slot, nonce: response.nonce) else {
      connection.refuse(response.sequence)
      return false
    }
    var message = WireMessage(.attached, sequence: response.sequence)
    message.slot = response.slot
    message.nonce = response.nonce
    message.offset = offer.offset
    message.length = offer.length
    message.access = UInt32(offer.access.rawValue)
    return send(message, descriptor: offer.descriptor.number)
  }

  private func respondToRead(_ response: Response) -> Bool {
    let exposure = connection.exposures.enter(
      slot: response.slot, nonce: response.nonce, access: .read, offset: response.offset,
      length: response.total)
    guard let exposure else {
      connection.refuse(response.sequence)
      return false
    }
    var isInside = true
    defer { if isInside { exposure.gate.leave() } }
    var message = WireMessage(.readData, sequence: response.sequence)
    var moved: UInt64 = 0
    repeat {
      var length = 0
      if response.total > 0 {
        let address = exposure.range.start + UInt(response.offset + moved)
        let wanted = Int(min(response.total - moved, UInt64(Limits.chunkBytes)))
        // Entered for the copy only: while we wait for the peer to take what is in the pipe, the
        // registration may go.
        guard let entry = connection.protection.enter(exposure.key) else {
          connection.refuse(response.sequence)
          return false
        }
        length = memory.drain(
          entry, at: address, length: wanted, to: connection.links.outbound.number)
        connection.protection.leave(exposure.key)
        if length == -Int(EAGAIN) {
          if connection.isEnding { return false }
          waitForRoom()
          continue
        }
        if length <= 0 {
          connection.end(.reset)
          return false
        }
      }
      moved += UInt64(length)
      message.length = UInt64(length)
      if moved == response.total {
        // Before the peer can know that it has everything, and say so: then nothing is in use.
        exposure.gate.leave()
        isInside = false
      }
      if !send(message) { return false }
    } while moved < response.total
    connection.record.bytesOut.count(response.total)
    return true
  }
}
