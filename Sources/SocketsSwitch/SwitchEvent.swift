import CWinsockDirect

/// An event object that the switch waits on.
struct SwitchEvent: ~Copyable, @unchecked Sendable {
  let handle: WSAEVENT

  init() throws(SwitchError) {
    guard let handle = EventTable.shared.make() else {
      throw .refused(operation: .eventSelect, code: WSAENOBUFS)
    }
    self.handle = handle
  }

  deinit {
    _ = EventTable.shared.close(handle)
  }

  borrowing func wait(until deadline: Deadline) -> Bool {
    EventTable.shared.wait(for: handle, until: deadline)
  }
}
