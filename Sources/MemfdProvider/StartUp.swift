public import CWinsockDirect
import VirtualMemory

// WSPStartupEx and WSPCleanup (C06-C11).

/// Starts the provider: the one function that the library exports for the switch (spec 4.1).
///
/// - Parameters:
///   - wVersionRequested: The version of the SPI; at least 2.2.
///   - lpWSPData: Is told the version and the provider's description.
///   - lpProtocolInfo: TCP/IP's, by which a provider knows that it is the switch that calls.
///   - lpUpcallTable: The functions that the provider may call. It is copied.
///   - lpProcTable: Is given the provider's functions.
/// - Returns: 0, WSAVERNOTSUPPORTED, WSAEFAULT, or WSASYSNOTREADY with the reason as
///   the description in `lpWSPData`. WSAEFAULT is for a table that lacks a function, too, and for
///   pointers to what cannot be read or written.
///
/// May be called more than once; each call needs a WSPCleanup. Not for hook context.
@c @implementation
public func WSPStartupEx(
  _ wVersionRequested: WORD, _ lpWSPData: LPWSPDATA!, _ lpProtocolInfo: LPWSAPROTOCOL_INFOW!,
  _ lpUpcallTable: LPWSPUPCALLTABLEEX!, _ lpProcTable: LPWSPPROC_TABLE!
) -> Int32 {
  let (major, minor) = (wVersionRequested & 0xFF, wVersionRequested >> 8)
  if (major, minor) < (2, 2) { return WSAVERNOTSUPPORTED }
  do throws(SocketsError) {
    return try start(
      CallerVariable(lpWSPData), CallerMemory.read(lpUpcallTable), CallerVariable(lpProcTable))
  } catch {
    return error.number
  }
}

private func start(
  _ data: CallerVariable<WSPDATA>, _ upcalls: WSPUPCALLTABLEEX,
  _ functions: CallerVariable<WSPPROC_TABLE>
) throws(SocketsError) -> Int32 {
  if !upcalls.isComplete { throw .fault }
  do throws(StartUpFailure) {
    try ProcessState.withLock { () throws(StartUpFailure) in
      if ProcessState.starts.load() == 0 {
        ProcessState.install(try Provider(upcalls: upcalls))
      }
      ProcessState.starts.add(1)
    }
  } catch {
    // The number says little; whoever started the provider can show this.
    try data.store(WSPDATA(describedAs: error.message))
    return WSASYSNOTREADY
  }
  do throws(SocketsError) {
    try data.store(WSPDATA(describedAs: "Pindown: SAN service provider over memfd adapters"))
    try functions.store(.memfdProvider)
  } catch {
    _ = cleanup(nil)
    throw error
  }
  return 0
}

/// WSPCleanup: the last one ends everything (C09, C10).
func cleanup(_ lpErrno: LPINT?) -> INT {
  answer(lpErrno) { () throws(SocketsError) in
    let ended = try ProcessState.withLock { () throws(SocketsError) -> Provider? in
      let provider = try Provider.started()
      if ProcessState.starts.subtract(1) > 1 { return nil }
      ProcessState.retire()
      return provider
    }
    // Without the lock: upcalls are made and waited for.
    ended?.shutDown()
  }
}

extension WSPUPCALLTABLEEX {
  /// Whether it has all that this provider calls.
  fileprivate var isComplete: Bool {
    lpWPUCreateSocketHandle != nil && lpWPUCloseSocketHandle != nil
      && lpWPUCompleteOverlappedRequest != nil && lpWPUSetEvent != nil && lpWPUResetEvent != nil
  }
}

extension WSPDATA {
  /// Version 2.2 and a description, of which there is room for 255 units.
  fileprivate init(describedAs description: String) {
    self.init()
    wVersion = 0x0202
    wHighVersion = 0x0202
    withUnsafeMutableBytes(of: &szDescription) { bytes in
      let text = bytes.bindMemory(to: WCHAR.self)
      for (index, unit) in description.utf16.prefix(Int(WSPDESCRIPTION_LEN)).enumerated() {
        text[index] = unit
      }
    }
  }
}
