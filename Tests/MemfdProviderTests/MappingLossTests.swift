import CAllocationCounter
import CWinsockDirect
import Glibc
import Inspection
import Testing
import VirtualMemory

extension ProviderTests {
  /// The promise of the project: a buffer that is registered on two adapters and then lost, in any
  /// way, is called back before the change, on each adapter; nothing of it stays pinned; and new
  /// memory at its address is registered anew and arrives as it is.
  @Suite(
    .disabled(if: CAllocationCounter_thread_sanitizer, "ThreadSanitizer: a thread that ends"))
  struct MappingLossTests {
    /// What did not hold.
    private struct Violations: OptionSet, CustomStringConvertible {
      let rawValue: Int

      static let notCalledBefore = Violations(rawValue: 1)
      static let keptByAnAdapter = Violations(rawValue: 2)
      static let stillPinned = Violations(rawValue: 4)
      static let nextRegistrationIsAHit = Violations(rawValue: 8)
      static let oldContentArrives = Violations(rawValue: 16)

      var description: String {
        let names = [
          "not called before the change", "kept by an adapter", "still pinned",
          "the next registration is a hit", "the old content arrives",
        ]
        return names.enumerated().filter { rawValue >> $0.offset & 1 == 1 }.map(\.element)
          .joined(separator: ", ")
      }
    }

    private static let length = 8 << 20

    /// A sanitizer's free is not libc's.
    private static let losses = MappingLoss.allCases.filter {
      $0 != .free || CAllocationCounter_available
    }

    @Test("A buffer that is lost is called back on each adapter", arguments: losses)
    func callback(_ loss: MappingLoss) throws {
      let violations = try lose(by: loss, hooked: true)
      #expect(violations.isEmpty, "\(violations)")
    }

    @Test("Counter-test: without the hooks every promise breaks", arguments: losses)
    func withoutHooks(_ loss: MappingLoss) throws {
      let everything: Violations = [
        .notCalledBefore, .keptByAnAdapter, .stillPinned, .nextRegistrationIsAHit,
        .oldContentArrives,
      ]
      #expect(try lose(by: loss, hooked: false) == everything)
    }

    private func lose(by loss: MappingLoss, hooked: Bool) throws -> Violations {
      // The adapter takes local memory by its frames: only so a stale registration shows.
      setenv("PINDOWN_DMA", "strict", 1)
      defer { unsetenv("PINDOWN_DMA") }
      var violations: Violations = []
      try StartedProvider.run { provider in
        violations = try CallingSwitch.run(provider, hooked: hooked) {
          try lose(by: loss, provider)
        }
      }
      return violations
    }

    private func lose(
      by loss: MappingLoss, _ provider: StartedProvider
    ) throws -> Violations {
      let pairs = try [ConnectedPair(provider, adapter: 0), ConnectedPair(provider, adapter: 1)]
      let (buffer, block) = loss.allocate(Self.length)
      let start = UInt(bitPattern: buffer)
      let range = AddressRange(start: start, end: start + UInt(Self.length))
      let record = try ProviderTests.record()
      let publication = try Publication.current()

      // One target for all transfers: without the hooks one that is freed would be stale, too.
      let target = try MemfdSegment(byteCount: UInt(Self.length))
      let place = target.baseAddress
      let send = { try pairs.map { try transfer(buffer, over: $0, to: place) } }

      memset(buffer, 0xA1, Self.length)
      #expect(try send() == [0xA1, 0xA1])
      #expect(record.pinnedBytes.load() >= UInt64(Self.length))
      let misses = record.misses.load()
      let event = publication.header.eventCount.load()

      CallingSwitch.watch(range)
      loss.perform(buffer, Self.length, block: block)

      var violations: Violations = []
      if CallingSwitch.callsBeforeTheChange == 0
        || CallingSwitch.callsBeforeTheChange != CallingSwitch.calls
      {
        violations.insert(.notCalledBefore)
      }
      let left = adaptersThatLetGo(of: range, since: event, in: publication)
      if left != [0, 1] { violations.insert(.keptByAnAdapter) }
      if record.pinnedBytes.load() != 0 { violations.insert(.stillPinned) }

      precondition(MappingLoss.map(buffer, Self.length))
      memset(buffer, 0xB2, Self.length)
      let arrived = try send()
      if record.misses.load() == misses { violations.insert(.nextRegistrationIsAHit) }
      if arrived != [0xB2, 0xB2] { violations.insert(.oldContentArrives) }
      munmap(buffer, Self.length)
      pairs.forEach { $0.close() }
      _ = consume target
      return violations
    }

    /// Registers the buffer, writes all of it to the peer, and lets go of it. Answers the byte that
    /// the peer got throughout, nil where they differ.
    private func transfer(
      _ buffer: UnsafeMutableRawPointer, over pair: ConnectedPair,
      to target: UnsafeMutableRawPointer
    ) throws -> UInt8? {
      memset(target, 0, Self.length)
      let descriptor = try pair.far.expose(target, Self.length, MEM_WRITE).get()
      let handle = try pair.near.register(buffer, Self.length, MEM_READ).get()
      let request = TestRequest()
      let piece = WSABUFEX(buffer, Self.length, handle)
      #expect(request.write(pair.near, [piece], to: descriptor) == WSA_IO_PENDING)
      #expect(request.end(pair.near).error == 0)
      #expect(pair.near.deregister(handle) == 0)
      #expect(pair.far.conceal(descriptor) == 0)
      let isUniform = memcmp(target, target + 1, Self.length - 1) == 0
      return isUniform ? target.load(as: UInt8.self) : nil
    }

    private func adaptersThatLetGo(
      of range: AddressRange, since first: UInt64, in publication: Publication
    ) -> Set<UInt32> {
      var adapters: Set<UInt32> = []
      for number in first..<publication.header.eventCount.load() {
        let event = publication.event(Int(number % UInt64(Layout.maximumEvents)))
        guard event.kind.load() == EventKind.deregistered.rawValue,
          event.start.load() < UInt64(range.end), event.end.load() > UInt64(range.start)
        else { continue }
        adapters.insert(event.nic.load())
      }
      return adapters
    }
  }
}
