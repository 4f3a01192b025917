import CWinsockDirect

/// FD_ACCEPT and FD_CONNECT of a socket: asked for, and taken.
extension CompanionSocket {
  /// From here on the provider signals `event` when one of `events` occurs.
  func select(_ events: Int32, signalling event: WSAEVENT) throws(SwitchError) {
    try perform(.eventSelect) { descriptor, error in
      library.procedures.lpWSPEventSelect(descriptor, event, events, &error)
    }
  }

  /// Takes what has occurred, and resets `event`: the error code of the event number `bit`, or nil
  /// where that has not occurred.
  func takeEvent(_ bit: Int32, resetting event: WSAEVENT) throws(SwitchError) -> Int32? {
    var occurred = WSANETWORKEVENTS()
    try perform(.enumerateEvents) { descriptor, error in
      library.procedures.lpWSPEnumNetworkEvents(descriptor, event, &occurred, &error)
    }
    if occurred.lNetworkEvents & 1 << bit == 0 { return nil }
    return withUnsafeBytes(of: occurred.iErrorCode) {
      $0.load(fromByteOffset: Int(bit) * MemoryLayout<Int32>.stride, as: Int32.self)
    }
  }
}
