import CWinsockDirect
import Glibc
import Inspection
import PageTracking
import Synchronization
import TestSupport
import Testing
import VirtualMemory

@testable import SocketsSwitch

/// What a provider answers, what is recorded, and how many failures are counted.
private let possibleAnswers: [(Int32, Int32, UInt64)] = [
  (0, 0, 0), (WSAEINVAL, WSAEINVAL, 0), (WSAEFAULT, WSAEFAULT, 1), (WSAENETDOWN, WSAENETDOWN, 1),
  (-1, WSAEFAULT, 1),
]

extension SwitchTests {
  /// Goal: at every change every provider is asked, once, with the secured range, and what it answers
  /// is recorded. Method: providers in C that count their calls and answer as they are told.
  @Suite struct FanOutTests {
    private let range = AddressRange(start: 0x7000_0000_0000, end: 0x7000_0000_3000)

    /// The callback events from the number `first` on.
    private func answers(since first: UInt64) throws -> [(status: Int32, provider: UInt32)] {
      let publication = try Publication.current()
      return (first..<publication.header.eventCount.load()).compactMap { number in
        let event = publication.event(Int(number % UInt64(Layout.maximumEvents)))
        guard event.kind.load() == EventKind.callback.rawValue,
          event.start.load() == UInt64(range.start)
        else { return nil }
        return (Int32(bitPattern: event.status.load()), event.provider.load())
      }
    }

    @Test(arguments: possibleAnswers)
    func everyAnswerIsRecorded(answer: Int32, recorded: Int32, failures: UInt64) throws {
      let (first, second) = (
        try TestProvider("ADDRESSES=0x0A630101"), try TestProvider("ADDRESSES=0x0A630201")
      )
      let network = try SocketsSwitch.start(providers: [first.path, second.path], monitors: [])
      let header = try Publication.current().header
      let (events, callbacks) = (header.eventCount.load(), header.callbacks.load())
      let failed = header.callbackFailures.load()
      first.answer(answer)

      try ChangeFanOut.shared().table.callAll(range)

      #expect(first.calls == 1 && second.calls == 1)
      #expect(first.lastAddress == range.start && first.lastSize == range.length)
      #expect(second.lastAddress == range.start && second.lastSize == range.length)
      #expect(header.callbacks.load() - callbacks == 2)
      #expect(header.callbackFailures.load() - failed == failures)
      let answers = try answers(since: events)
      #expect(answers.map(\.status) == [recorded, 0])
      #expect(Set(answers.map(\.provider)).count == 2)
      network.stop()
    }

    @Test func aProviderThatWasUnloadedIsNotAsked() throws {
      let (first, second) = (
        try TestProvider("ADDRESSES=0x0A630101"), try TestProvider("ADDRESSES=0x0A630201")
      )
      let network = try SocketsSwitch.start(providers: [first.path, second.path], monitors: [])
      try network.unload(first.path)
      try ChangeFanOut.shared().table.callAll(range)
      #expect(first.calls == 0 && second.calls == 1)
      network.stop()
      try ChangeFanOut.shared().table.callAll(range)
      #expect(second.calls == 1)
    }

    @Test func aProviderWithoutCallbackIsLoadedAndNotAsked() throws {
      let provider = try TestProvider("NO_CALLBACK")
      let network = try SocketsSwitch.start(providers: [provider.path], monitors: [])
      try ChangeFanOut.shared().table.callAll(range)
      #expect(provider.calls == 0)
      network.stop()
    }

    /// From the system call to the providers: each hears before the mapping goes. Without a monitor
    /// none does.
    @Test(arguments: [true, false])
    func aChangeReachesEveryProvider(isWatched: Bool) throws {
      let first = try TestProvider("ADDRESSES=0x0A630101")
      let second = try TestProvider("ADDRESSES=0x0A630201")
      let tracker = try PageTracker.shared()
      let network = try SocketsSwitch.start(
        providers: [first.path, second.path], monitors: isWatched ? [.entries] : [])
      defer {
        tracker.stop()
        network.stop()
      }
      let length = Int(2 * Page.size)
      let memory = mmap(
        nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      let start = UInt(bitPattern: memory)
      let region = try tracker.secure(
        AddressRange(start: start, end: start + 2 * Page.size), access: .read)
      let changes = try Publication.current().header.mappingChanges.load()
      // A part of the region: all of it is named.
      munmap(memory! + Int(Page.size), Int(Page.size))
      let expected: Int32 = isWatched ? 1 : 0
      #expect(first.calls == expected && second.calls == expected)
      #expect(first.lastAddress == (isWatched ? start : 0))
      #expect(first.lastSize == (isWatched ? UInt(length) : 0))
      #expect(
        try Publication.current().header.mappingChanges.load() - changes == UInt64(expected))
      tracker.unsecure(region)
      munmap(memory, length)
    }

    /// A socket that is left over when the switch stops can still be closed.
    @Test func aSocketMayOutliveTheSwitch() throws {
      let provider = try TestProvider("ADDRESSES=0x0A630101")
      let network = try SocketsSwitch.start(providers: [provider.path], monitors: [])
      let socket = try network.connect(
        to: SocketAddress(IPv4Address("10.99.1.1")!, port: 9), within: .seconds(1))
      network.stop()
      #expect(provider.starts == 0)
      socket.close()
      #expect(throws: SwitchError.notStarted) {
        try network.connect(to: socket.peer, within: .seconds(1))
      }
    }

    /// An unload returns only when no thread is inside the provider any more.
    @Test func anUnloadWaitsForTheCallbackThatIsRunning() throws {
      let provider = try TestProvider()
      let network = try SocketsSwitch.start(providers: [provider.path], monitors: [])
      provider.hold(true)
      let range = range
      let caller = TestThread {
        try? ChangeFanOut.shared().table.callAll(range)
      }
      while provider.inside == 0 { sched_yield() }
      let unloaded = Flag()
      let unloader = TestThread {
        network.stop()
        unloaded.set()
      }
      // The unload has begun when nobody new is let in.
      let table = try ChangeFanOut.shared().table
      while !table.isEmpty { sched_yield() }
      #expect(!unloaded.isSet && provider.starts == 1)
      provider.hold(false)
      caller.join()
      unloader.join()
      #expect(unloaded.isSet && provider.starts == 0)
    }

    /// Providers come and go while other threads are in the fan-out; one that stays is asked at
    /// every change, and none is asked after it has gone.
    @Test func loadAndUnloadDuringFanOut() throws {
      let (lasting, passing) = (
        try TestProvider("ADDRESSES=0x0A630101"), try TestProvider("ADDRESSES=0x0A630201")
      )
      let network = try SocketsSwitch.start(providers: [lasting.path], monitors: [])
      let (stop, count) = (Flag(), Counter())
      let range = range
      let table = try ChangeFanOut.shared().table
      let threads = (0..<2).map { _ in
        TestThread {
          while !stop.isSet {
            table.callAll(range)
            count.add()
          }
        }
      }
      for _ in 0..<50 {
        try network.load(passing.path)
        let before = passing.calls
        while passing.calls == before { sched_yield() }
        try network.unload(passing.path)
        let after = passing.calls
        let changes = count.value
        while count.value < changes + 2 { sched_yield() }
        #expect(passing.calls == after)
      }
      stop.set()
      for thread in threads { thread.join() }
      #expect(lasting.calls == Int32(count.value))
      network.stop()
    }
  }
}
