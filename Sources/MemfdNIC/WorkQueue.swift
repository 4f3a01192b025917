import VirtualMemory

/// A queue of posted requests: the send queue or the receive queue of a queue pair.
///
/// Requests have numbers, counted from 0. Three positions move upwards: `head`, the oldest that has
/// not been completed; `next`, the first that no engine has taken; `tail`, the next to be posted.
/// Positions and states change under the lock; the rest of a request belongs to whoever has taken
/// it. Completions are delivered outside the lock, in order, by one thread at a time.
final class WorkQueue: @unchecked Sendable {
  private struct Positions {
    var head: UInt64 = 0
    var next: UInt64 = 0
    var tail: UInt64 = 0
    var isAccepting: Bool
    var isCompleting = false
    var outstandingReads = 0
  }

  private let positions: Lock<Positions>
  private let requests: UnsafeMutablePointer<WorkRequest>
  private let allSegments: UnsafeMutablePointer<LocalSegment>
  private let protection: ProtectionTable
  private let completed: @Sendable (Completion) -> Void

  private static let depth = UInt64(Limits.queueDepth)

  /// - Parameter isAccepting: Whether requests can be posted at once, or only after `accept`.
  init(
    protection: ProtectionTable, isAccepting: Bool,
    completed: @escaping @Sendable (Completion) -> Void
  ) {
    positions = Lock(Positions(isAccepting: isAccepting))
    self.protection = protection
    self.completed = completed
    let empty = WorkRequest(.send, segments: UnsafeBufferPointer(start: nil, count: 0), context: 0)
    requests = .allocate(capacity: Limits.queueDepth)
    requests.initialize(repeating: empty, count: Limits.queueDepth)
    let nothing = LocalSegment(address: 0, length: 0, key: RegistrationKey(rawValue: 0))
    let count = Limits.queueDepth * Limits.maximumSegments
    allSegments = .allocate(capacity: count)
    allSegments.initialize(repeating: nothing, count: count)
  }

  deinit {
    requests.deallocate()
    allSegments.deallocate()
  }

  /// The request with a number; for whoever has taken it.
  func request(_ number: UInt64) -> UnsafeMutablePointer<WorkRequest> {
    requests + Int(number % Self.depth)
  }

  func segments(_ number: UInt64) -> UnsafeMutablePointer<LocalSegment> {
    allSegments + Int(number % Self.depth) * Limits.maximumSegments
  }

  // MARK: Posting

  var isAccepting: Bool { positions.withLock { $0.isAccepting } }

  /// From now on requests can be posted.
  func accept() {
    positions.withLock { $0.isAccepting = true }
  }

  func post(
    _ request: WorkRequest, _ segments: UnsafeBufferPointer<LocalSegment>
  ) throws(MemfdNICError) {
    precondition(segments.count <= Limits.maximumSegments, "the caller checks the segments")
    try positions.withLock { (positions) throws(MemfdNICError) in
      if !positions.isAccepting { throw .notConnected }
      if positions.tail - positions.head == Self.depth { throw .queueFull }
      self.request(positions.tail).pointee = request
      let copies = self.segments(positions.tail)
      for (index, segment) in segments.enumerated() { copies[index] = segment }
      positions.tail += 1
    }
  }

  // MARK: Working

  /// Whether every request has ended, and been completed.
  var isEmpty: Bool { positions.withLock { $0.head == $0.tail } }

  /// Whether a request waits to be taken.
  var hasWork: Bool { positions.withLock { $0.next < $0.tail } }

  /// Reads that wait for the peer.
  var outstandingReads: Int { positions.withLock { $0.outstandingReads } }

  /// Takes the next request.
  func take() -> UInt64? {
    positions.withLock { (positions) -> UInt64? in
      if positions.next == positions.tail { return nil }
      let number = positions.next
      positions.next += 1
      request(number).pointee.state = .transmitting
      return number
    }
  }

  /// Enters the registrations of all segments of a request that the caller has taken; none where
  /// one of them is gone.
  func enterSegments(_ number: UInt64) -> Bool {
    let request = request(number), segments = segments(number)
    for index in 0..<request.pointee.segmentCount {
      guard protection.enter(segments[index].key) != nil else {
        leaveSegments(number)
        return false
      }
      request.pointee.enteredCount = index + 1
    }
    return true
  }

  private func leaveSegments(_ number: UInt64) {
    let request = request(number), segments = segments(number)
    for index in 0..<request.pointee.enteredCount { protection.leave(segments[index].key) }
    request.pointee.enteredCount = 0
  }

  /// Gives a request that the caller has taken into the hands of the thread that gets the peer's
  /// answer.
  func expectAnswer(_ number: UInt64) {
    positions.withLock { positions in
      request(number).pointee.state = .outstanding
      if request(number).pointee.kind == .read { positions.outstandingReads += 1 }
    }
  }

  /// Whether a request waits for the peer's answer. For the thread that gets it.
  func isOutstanding(_ number: UInt64, _ kind: WorkRequest.Kind) -> Bool {
    positions.withLock { positions in
      number >= positions.head && number < positions.next
        && request(number).pointee.state == .outstanding && request(number).pointee.kind == kind
    }
  }

  /// The oldest request that has not been completed.
  var oldest: UInt64 { positions.withLock { $0.head } }

  // MARK: Ending

  /// Ends a request: leaves its registrations, and completes it once those before it are.
  func finish(_ number: UInt64, _ status: CompletionStatus, byteCount: UInt64 = 0) {
    leaveSegments(number)
    positions.withLock { positions in
      let request = request(number)
      precondition(request.pointee.state != .done, "a request ends once")
      if request.pointee.kind == .read, request.pointee.state == .outstanding {
        positions.outstandingReads -= 1
      }
      request.pointee.status = status
      request.pointee.byteCount = UInt32(byteCount)
      request.pointee.state = .done
    }
    complete()
  }

  /// Ends every request that has not ended, and accepts no more. No engine may be at one.
  ///
  /// - Parameter refused: The request that the peer refused, if it did.
  func abandon(_ status: CompletionStatus, refused: UInt64? = nil) {
    let pending = positions.withLock { (positions) -> Range<UInt64> in
      positions.isAccepting = false
      positions.next = positions.tail
      return positions.head..<positions.tail
    }
    for number in pending {
      leaveSegments(number)
      positions.withLock { _ in
        let request = request(number)
        if request.pointee.state == .done { return }
        request.pointee.status = number == refused ? .remoteAccessError : status
        request.pointee.byteCount = 0
        request.pointee.state = .done
      }
    }
    complete()
  }

  /// Completes what is done, from the oldest on, unless another thread is at it: that one will
  /// look again.
  private func complete() {
    let isMine = positions.withLock { (positions) -> Bool in
      if positions.isCompleting { return false }
      positions.isCompleting = true
      return true
    }
    if !isMine { return }
    while let completion = nextCompletion() { completed(completion) }
  }

  private func nextCompletion() -> Completion? {
    positions.withLock { (positions) -> Completion? in
      let request = request(positions.head)
      guard positions.head < positions.next, request.pointee.state == .done else {
        positions.isCompleting = false
        return nil
      }
      positions.head += 1
      return Completion(
        context: request.pointee.context, status: request.pointee.status,
        byteCount: request.pointee.byteCount)
    }
  }
}
