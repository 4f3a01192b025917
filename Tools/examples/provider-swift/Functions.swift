import CWinsockDirect
import Pindown

/// The functions that WSPStartupEx hands out: each a line that names who does it.
enum Functions {
  static let table = WSPPROC_TABLE(
    lpWSPAccept: { s, name, length, condition, data, error in
      Provider.respond(error, failure: INVALID_SOCKET) { provider throws(Failure) in
        try provider.accept(s, name, length)
      }
    },
    lpWSPAddressToString: nil, lpWSPAsyncSelect: nil,
    lpWSPBind: { s, name, length, error in
      act(error) { provider throws(Failure) in try provider.bind(s, name, length) }
    },
    lpWSPCancelBlockingCall: nil,
    lpWSPCleanup: { error in act(error) { provider throws(Failure) in try provider.cleanUp() } },
    lpWSPCloseSocket: { s, error in
      act(error) { provider throws(Failure) in provider.close(try provider.socket(s)) }
    },
    lpWSPConnect: { s, name, length, _, _, _, _, error in
      act(error) { provider throws(Failure) in try provider.connect(s, name, length) }
    },
    lpWSPDuplicateSocket: { s, _, _, error in refuse(error) },
    lpWSPEnumNetworkEvents: { s, event, events, error in
      act(error) { provider throws(Failure) in try provider.takeEvents(s, event, events) }
    },
    lpWSPEventSelect: { s, event, events, error in
      act(error) { provider throws(Failure) in try provider.select(s, event, events) }
    },
    lpWSPGetOverlappedResult: overlappedResult,
    lpWSPGetPeerName: nil, lpWSPGetSockName: nil,
    lpWSPGetSockOpt: { _, _, _, _, _, error in
      // No transfer is too large for it.
      error?.pointee = WSAENOPROTOOPT
      return SOCKET_ERROR
    },
    lpWSPGetQOSByName: { _, _, _, error in
      _ = refuse(error)
      return 0
    },
    lpWSPIoctl: control, lpWSPJoinLeaf: nil,
    lpWSPListen: { s, _, error in
      act(error) { provider throws(Failure) in try provider.listen(s) }
    },
    lpWSPRecv: { s, buffers, count, received, _, overlapped, _, _, error in
      act(error) { provider throws(Failure) in
        try provider.receive(s, buffers, count, received, overlapped)
      }
    },
    lpWSPRecvDisconnect: nil, lpWSPRecvFrom: nil, lpWSPSelect: nil,
    lpWSPSend: { s, buffers, count, sent, _, _, _, _, error in
      act(error) { provider throws(Failure) in try provider.send(s, buffers, count, sent) }
    },
    lpWSPSendDisconnect: nil, lpWSPSendTo: nil,
    lpWSPSetSockOpt: { _, _, _, _, _, error in
      error?.pointee = WSAENOPROTOOPT
      return SOCKET_ERROR
    },
    lpWSPShutdown: nil,
    lpWSPSocket: { family, type, kind, _, _, _, error in
      Provider.respond(error, failure: INVALID_SOCKET) { provider throws(Failure) in
        try provider.socket(family: family, type: type, protocol: kind)
      }
    },
    lpWSPStringToAddress: nil)

  /// A call that answers 0 or SOCKET_ERROR.
  static func act(
    _ error: LPINT?, _ body: (inout Provider) throws(Failure) -> Void
  ) -> INT {
    Provider.respond(error, failure: SOCKET_ERROR) { provider throws(Failure) in
      try body(&provider)
      return 0
    }
  }

  static func refuse(_ error: LPINT?) -> INT {
    error?.pointee = WSAEOPNOTSUPP
    return SOCKET_ERROR
  }

  private static let overlappedResult: LPWSPGETOVERLAPPEDRESULT = {
    s, overlapped, length, wait, flags, error in
    Provider.respond(error, failure: 0) { provider throws(Failure) in
      _ = try provider.socket(s)
      guard let overlapped, let length, let flags else { throw Failure(WSAEFAULT) }
      let state = SharedWord(UnsafeMutableRawPointer(overlapped)).loadAcquiring()
      if state == UInt64(WSS_OPERATION_IN_PROGRESS) { throw Failure(WSA_IO_INCOMPLETE) }
      if state != 0 { throw Failure(INT(truncatingIfNeeded: state)) }
      length.pointee = DWORD(overlapped.pointee.InternalHigh)
      flags.pointee = 0
      return 1
    }
  }

  /// Hook context: no lock, no allocation.
  static let cacheCallback: LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK = { address, size, error in
    let range = AddressRange(start: UInt(bitPattern: address), length: UInt(size))
    guard let range, let cache = Provider.cache else {
      error?.pointee = WSAEINVAL
      return SOCKET_ERROR
    }
    switch cache.invalidate(range) {
    case .invalidated:
      error?.pointee = 0
      return 0
    case .notCached: error?.pointee = WSAEINVAL
    case .failed: error?.pointee = WSAEFAULT
    }
    return SOCKET_ERROR
  }
}
