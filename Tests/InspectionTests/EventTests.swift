import Glibc
import Inspection
import Testing
import VirtualMemory

extension InspectionTests {
  @Test func eventsAreReadInOrder() throws {
    let publication = try Publication.current()
    let process = try PublishedProcess(pid: getpid())
    let first = process.eventCount
    let range = AddressRange(start: 0x1000, end: 0x2000)
    publication.append(.registered, range: range, provider: 1, nic: 2)
    publication.append(.callback, status: -3, provider: 1, duration: 55)
    let batch = process.events(from: first)
    #expect(
      batch.events.map(\.kind) == [EventKind.registered.rawValue, EventKind.callback.rawValue])
    #expect(batch.events[0].range == range && batch.events[0].nic == 2)
    #expect(batch.events[1].range == nil && batch.events[1].nic == .max)
    #expect(batch.events[1].status == -3 && batch.events[1].duration == 55)
    #expect(batch.next == first + 2 && batch.lost == 0 && !batch.isIncomplete)
    #expect(process.events(from: batch.next).events.isEmpty)
  }

  @Test func theRingWrapsAround() throws {
    let publication = try Publication.current()
    let process = try PublishedProcess(pid: getpid())
    let first = process.eventCount
    let extra = 100
    for index in 0..<Layout.maximumEvents + extra {
      publication.append(.evicted, detail: UInt32(index))
    }
    let batch = process.events(from: first)
    #expect(batch.lost == UInt64(extra))
    #expect(batch.events.count == Layout.maximumEvents)
    #expect(batch.events.first?.detail == UInt32(extra))
    #expect(batch.events.last?.detail == UInt32(Layout.maximumEvents + extra - 1))
  }

  @Test func anEventThatIsNotCompleteIsNotShown() throws {
    let publication = try Publication.current()
    let process = try PublishedProcess(pid: getpid())
    let number = publication.header.eventCount.add(1)
    publication.event(Int(number % UInt64(Layout.maximumEvents))).sequence.store(0)
    publication.append(.connected)
    let waiting = process.events(from: number)
    #expect(waiting.isIncomplete && waiting.events.isEmpty && waiting.next == number)
    let skipping = process.events(from: number, skippingIncomplete: true)
    #expect(skipping.events.map(\.kind) == [EventKind.connected.rawValue])
    #expect(skipping.next == number + 2)
  }
}
