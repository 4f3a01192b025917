import CLinuxMemory
import CMemfdNIC
import Glibc
import Inspection
import MemfdNIC
import Testing
import VirtualMemory

/// Connecting, closing, and peers that go away.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct LifecycleTests {
  @Test func nobodyListens() throws {
    let pair = try Pair()
    let end = try pair.near.makeQueuePair(handlers: Recorder().handlers)
    #expect(throws: MemfdNICError.noListener) {
      try end.connect(to: IPv4Address("10.99.9.9")!, port: 7, localPort: 0)
    }
    pair.listener.close()
    #expect(throws: MemfdNICError.noListener) {
      try end.connect(
        to: pair.far.configuration.address, port: pair.listener.port, localPort: 0)
    }
    // The queue pair can still be used.
    let listener = try pair.far.listen(port: pair.listener.port, backlog: 1) {}
    try end.connect(to: pair.far.configuration.address, port: listener.port, localPort: 0)
    #expect(throws: MemfdNICError.invalidState) {
      try end.connect(to: pair.far.configuration.address, port: listener.port, localPort: 0)
    }
  }

  @Test func aPortBelongsToOne() throws {
    let pair = try Pair()
    #expect(throws: MemfdNICError.addressInUse) {
      _ = try pair.far.listen(port: pair.listener.port, backlog: 1) {}
    }
    let other = try pair.far.listen(port: 0, backlog: 1) {}
    #expect(other.port != pair.listener.port && other.port >= Limits.firstEphemeralPort)
    let end = try pair.far.makeQueuePair(handlers: Recorder().handlers)
    #expect(throws: MemfdNICError.addressInUse) {
      try end.connect(
        to: pair.far.configuration.address, port: pair.listener.port, localPort: other.port)
    }
  }

  @Test func aRequestSaysWhoAsks() throws {
    let pair = try Pair()
    let end = try pair.near.makeQueuePair(handlers: Recorder().handlers)
    let before = pair.farRecorder.seen.requests
    try end.connect(
      to: pair.far.configuration.address, port: pair.listener.port, localPort: 0)
    #expect(pair.farRecorder.wait { $0.requests == before + 1 })
    let request = try #require(pair.listener.nextRequest())
    #expect(request.peerAddress == pair.near.configuration.address)
    #expect(request.peerPort == end.localPort && request.peerPort != 0)
    #expect(request.peerPID == getpid())
    #expect(pair.listener.nextRequest() == nil)
  }

  @Test func aFullBacklogRefusesAtOnce() throws {
    let pair = try Pair()
    let recorder = Recorder()
    let listener = try pair.far.listen(port: 0, backlog: 1) {
      recorder.note { $0.requests += 1 }
    }
    let first = Recorder()
    let second = Recorder()
    let firstEnd = try pair.near.makeQueuePair(handlers: first.handlers)
    let secondEnd = try pair.near.makeQueuePair(handlers: second.handlers)
    try firstEnd.connect(
      to: pair.far.configuration.address, port: listener.port, localPort: 0)
    #expect(recorder.wait { $0.requests == 1 })
    try secondEnd.connect(
      to: pair.far.configuration.address, port: listener.port, localPort: 0)
    #expect(second.wait { $0.failures == [.connectionRefused] })
    #expect(recorder.seen.requests == 1)
    #expect(first.seen.failures.isEmpty)
    listener.nextRequest()?.reject()
    #expect(first.wait { $0.failures == [.connectionRefused] })
  }

  @Test func aRequestThatIsDroppedIsRefused() throws {
    let pair = try Pair()
    let recorder = Recorder()
    let end = try pair.near.makeQueuePair(handlers: recorder.handlers)
    try end.receive([], 1)
    try end.connect(
      to: pair.far.configuration.address, port: pair.listener.port, localPort: 0)
    pair.listener.close()
    #expect(recorder.wait { $0.failures == [.connectionRefused] })
    #expect(recorder.statuses(1) == [.reset])
  }

  @Test func closeWhileConnecting() throws {
    let pair = try Pair()
    let recorder = Recorder()
    let listener = try pair.far.listen(port: 0, backlog: 1) {}
    let end = try pair.near.makeQueuePair(handlers: recorder.handlers)
    try end.receive([], 1)
    try end.connect(to: pair.far.configuration.address, port: listener.port, localPort: 0)
    end.close()
    #expect(recorder.statuses(1) == [.aborted])
    #expect(recorder.seen.established == 0 && recorder.seen.failures.isEmpty)
  }

  @Test func postingNeedsAConnection() throws {
    let pair = try Pair()
    let recorder = Recorder()
    let end = try pair.near.makeQueuePair(handlers: recorder.handlers)
    #expect(throws: MemfdNICError.notConnected) { try end.send([], 1) }
    try end.receive([], 2)
    end.close()
    #expect(recorder.statuses(2) == [.aborted])
    #expect(throws: MemfdNICError.notConnected) { try end.receive([], 3) }
    #expect(recorder.seen.completions.count == 1)
  }

  @Test func aFullQueueRefusesAndRecovers() throws {
    let pair = try Pair()
    for context in 0..<Limits.queueDepth { try pair.farEnd.receive([], UInt64(context)) }
    #expect(throws: MemfdNICError.queueFull) { try pair.farEnd.receive([], 1000) }
    try pair.nearEnd.send([], 1)
    #expect(pair.farRecorder.completion(0)?.status == .success)
    try pair.farEnd.receive([], 1001)
    pair.farEnd.close()
    let seen = pair.farRecorder.seen.completions
    #expect(seen.map(\.context) == (0..<256).map { UInt64($0) } + [1001])
    #expect(seen.dropFirst().allSatisfy { $0.status == .aborted })
  }

  @Test(arguments: Kind.allCases)
  func closeCompletesEverythingOnce(_ kind: Kind) throws {
    let pair = try Pair()
    let source = try pair.buffer(kind, bytes: 1 << 20, at: pair.near)
    let target = try pair.buffer(kind, bytes: 1 << 20, at: pair.far)
    let remote = try pair.farEnd.expose(target.range, key: target.key, access: .readWrite)
    for context in 0..<100 {
      try pair.nearEnd.receive([source.segment(0, 16)], UInt64(1000 + context))
      try pair.nearEnd.write([source.segment(0, 1 << 20)], to: remote, 0, UInt64(context))
      try pair.farEnd.receive([target.segment(0, 16)], UInt64(context))
    }
    pair.nearEnd.close()
    pair.nearRecorder.note { $0.isClosed = true }
    pair.nearEnd.close()
    let seen = pair.nearRecorder.seen
    #expect(seen.completions.count == 200)
    #expect(Set(seen.completions.map(\.context)).count == 200)
    #expect(seen.completions.allSatisfy { $0.status == .success || $0.status == .aborted })
    #expect(
      seen.completions.filter { $0.context >= 1000 }.allSatisfy { $0.status == .aborted })
    #expect(seen.disconnections.isEmpty)
    #expect(pair.farRecorder.wait { $0.disconnections == [.connectionReset] })
    let other = pair.farRecorder.seen.completions
    #expect(other.count == 100 && other.allSatisfy { $0.status == .reset })
    #expect(pair.nearRecorder.seen.callsAfterClose == 0)
    #expect(throws: MemfdNICError.notConnected) { try pair.farEnd.send([], 1) }
    // Nothing of the connection holds the registrations.
    #expect(source.deregister() && target.deregister())
  }

  @Test func manyThreadsPostWhileOneCloses() throws {
    let pair = try Pair()
    let source = try pair.buffer(.pinned, bytes: 65_536, at: pair.near)
    let target = try pair.buffer(.pinned, bytes: 65_536, at: pair.far)
    let remote = try pair.farEnd.expose(target.range, key: target.key, access: .write)
    let (end, recorder) = (pair.nearEnd, pair.nearRecorder)
    let segment = source.segment(0, 4096)
    let posted = Recorder()
    withThreads(3) { thread in
      if thread == 0 {
        _ = recorder.wait { $0.completions.count > 500 }
        end.close()
        return
      }
      while true {
        do {
          try end.write([segment], to: remote, 0, 1)
          posted.note { $0.requests += 1 }
        } catch MemfdNICError.queueFull {
          sched_yield()
        } catch {
          break
        }
      }
    }
    #expect(recorder.seen.completions.count == posted.seen.requests)
    #expect(recorder.seen.completions.last?.status != .reset)
  }

  @Test func anAdapterPublishesWhatItDoes() throws {
    let pins = try PinTable()
    let configuration = NICConfiguration(
      name: "counted", address: IPv4Address("10.98.0.1")!, prefixLength: 8)
    let nic = try MemfdNIC(configuration, index: 5, provider: 3, pins: pins, mode: .strict)
    let record = try Publication.current().nic(5)
    #expect(record.state.load() == 1 && record.provider.load() == 3)
    #expect(record.address.load() == 0x0A62_0001 && record.prefixLength.load() == 8)
    #expect(
      String(cString: record.name.assumingMemoryBound(to: CChar.self)) == "counted")
    let buffer = try Buffer(.pinned, bytes: 4096, at: nic, pins: pins)
    #expect(record.registrations.load() == 1)
    let accepted = Recorder()
    let connected = Recorder()
    let listener = try nic.listen(port: 0, backlog: 1) { accepted.note { $0.requests += 1 } }
    let first = try nic.makeQueuePair(handlers: connected.handlers)
    let second = try nic.makeQueuePair(handlers: accepted.handlers)
    #expect(record.queuePairs.load() == 2)
    try first.connect(to: configuration.address, port: listener.port, localPort: 0)
    #expect(accepted.wait { $0.requests == 1 })
    try #require(listener.nextRequest()).accept(as: second)
    #expect(connected.wait { $0.established == 1 })
    let before = (record.sends.load(), record.receives.load(), record.bytesOut.load())
    try second.receive([buffer.segment(0, 100)], 1)
    try first.send([buffer.segment(0, 50)], 2)
    #expect(accepted.completion(1)?.status == .success)
    #expect(connected.completion(2)?.status == .success)
    #expect(record.sends.load() == before.0 + 1 && record.receives.load() == before.1 + 1)
    #expect(record.bytesOut.load() == before.2 + 50)
    nic.shutDown()
    #expect(record.queuePairs.load() == 0 && record.state.load() == 0)
    #expect(accepted.seen.disconnections.count + connected.seen.disconnections.count <= 1)
    #expect(buffer.deregister())
    #expect(record.registrations.load() == 0)
  }
}
