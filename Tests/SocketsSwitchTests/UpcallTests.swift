import CWinsockDirect
import TestSupport
import Testing

@testable import SocketsSwitch

/// Goal: the upcalls do what spec section 2.3 says, for good and for bad handles.
@Suite struct UpcallTests {
  private let table = Upcalls.table.pointee

  @Test func noUpcallIsMissing() {
    withUnsafeBytes(of: Upcalls.table.pointee) { bytes in
      #expect(bytes.count == 16 * 8)
      #expect(bytes.bindMemory(to: UInt.self).allSatisfy { $0 != 0 })
    }
  }

  @Test func eventsAreSetAndReset() throws {
    var error: Int32 = -1
    let event = try #require(table.lpWPUCreateEvent(&error))
    #expect(error == 0)
    // A provider may keep marks in the low bits (spec section 5.5).
    #expect(UInt(bitPattern: event) & 3 == 0)
    let soon = Deadline(after: .zero)
    #expect(!EventTable.shared.wait(for: event, until: soon))
    #expect(table.lpWPUSetEvent(event, &error) != 0)
    #expect(EventTable.shared.wait(for: event, until: soon))
    // Signalled until it is reset.
    #expect(EventTable.shared.wait(for: event, until: soon))
    #expect(table.lpWPUResetEvent(event, &error) != 0)
    #expect(!EventTable.shared.wait(for: event, until: soon))
    #expect(table.lpWPUCloseEvent(event, &error) != 0)
  }

  @Test func aClosedEventIsKnownNoMore() throws {
    var error: Int32 = 0
    let event = try #require(table.lpWPUCreateEvent(&error))
    #expect(table.lpWPUCloseEvent(event, &error) != 0)
    #expect(table.lpWPUCloseEvent(event, &error) == 0)
    #expect(error == WSA_INVALID_HANDLE)
    #expect(table.lpWPUSetEvent(nil, &error) == 0)
    #expect(table.lpWPUSetEvent(event + 1, &error) == 0)
    #expect(table.lpWPUResetEvent(UnsafeMutableRawPointer(bitPattern: 4096), &error) == 0)
  }

  @Test func anEventWakesWhoWaits() throws {
    var error: Int32 = 0
    let event = try #require(table.lpWPUCreateEvent(&error))
    let woken = Flag()
    let address = UInt(bitPattern: event)
    let thread = TestThread {
      guard let event = UnsafeMutableRawPointer(bitPattern: address) else { return }
      if EventTable.shared.wait(for: event, until: Deadline(after: .seconds(60))) { woken.set() }
    }
    #expect(table.lpWPUSetEvent(event, &error) != 0)
    thread.join()
    #expect(woken.isSet)
    #expect(table.lpWPUCloseEvent(event, &error) != 0)
  }

  @Test func socketHandles() {
    var error: Int32 = -1
    let handle = table.lpWPUCreateSocketHandle(0, 4711, &error)
    #expect(handle != INVALID_SOCKET && error == 0)
    var context: DWORD_PTR = 0
    #expect(table.lpWPUQuerySocketHandleContext(handle, &context, &error) == 0)
    #expect(context == 4711)
    #expect(table.lpWPUCloseSocketHandle(handle, &error) == 0)
    #expect(table.lpWPUCloseSocketHandle(handle, &error) == SOCKET_ERROR)
    #expect(error == WSAENOTSOCK)
    #expect(table.lpWPUQuerySocketHandleContext(handle, &context, &error) == SOCKET_ERROR)
    // Its place is given out again, under another name.
    let next = table.lpWPUCreateSocketHandle(0, 1, &error)
    #expect(next != handle)
    #expect(table.lpWPUCloseSocketHandle(next, &error) == 0)
    for bad: SOCKET in [0, 1 << 40, INVALID_SOCKET] {
      #expect(table.lpWPUQuerySocketHandleContext(bad, &context, &error) == SOCKET_ERROR)
    }
  }

  @Test func aCompletionStoresCountAndStatus() {
    var error: Int32 = 0
    let handle = table.lpWPUCreateSocketHandle(0, 0, &error)
    let request = RequestPool.take()
    #expect(request.overlapped.pointee.Internal == UInt(WSS_OPERATION_IN_PROGRESS))
    #expect(!request.wait(until: Deadline(after: .zero)))
    // Not from WPUCreateSocketHandle: refused, and nothing is stored.
    #expect(
      table.lpWPUCompleteOverlappedRequest(handle + 1, request.overlapped, 0, 9, &error)
        == SOCKET_ERROR)
    #expect(error == WSAEINVAL && !request.isComplete)
    #expect(
      table.lpWPUCompleteOverlappedRequest(
        handle, request.overlapped, DWORD(WSAECONNRESET), 12, &error) == 0)
    #expect(request.result == (WSAECONNRESET, 12))
    RequestPool.put(request)
    #expect(table.lpWPUCloseSocketHandle(handle, &error) == 0)
  }

  @Test func whatIsOfWindowsAloneIsRefused() {
    var error: Int32 = 0
    #expect(table.lpWPUModifyIFSHandle(0, 0, &error) == INVALID_SOCKET)
    #expect(error == WSAEOPNOTSUPP)
    #expect(table.lpWPUQueueApc(nil, nil, 0, &error) == SOCKET_ERROR)
    #expect(table.lpWPUFDIsSet(0, nil) == 0)
  }
}
