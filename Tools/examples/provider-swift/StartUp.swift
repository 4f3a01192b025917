import Pindown
public import CWinsockDirect

/// The one function that the library exports.
@c @implementation
public func WSPStartupEx(
  _ version: WORD, _ data: LPWSPDATA!, _ information: LPWSAPROTOCOL_INFOW!,
  _ upcalls: LPWSPUPCALLTABLEEX!, _ procedures: LPWSPPROC_TABLE!
) -> Int32 {
  if (version & 0xFF, version >> 8) < (2, 2) { return WSAVERNOTSUPPORTED }
  guard let data, let procedures, let upcalls else { return WSAEFAULT }
  var error: INT = 0
  let isStarted = Provider.respond(&error, failure: false) { provider throws(Failure) in
    if provider.starts == 0 { try provider.open(upcalls.pointee) }
    provider.starts += 1
    return true
  }
  if !isStarted { return error }
  var described = WSPDATA()
  described.wVersion = 0x0202
  described.wHighVersion = 0x0202
  withUnsafeMutableBytes(of: &described.szDescription) { bytes in
    let text = Array("An example of a SAN service provider in Swift".utf16)
    text.withUnsafeBytes { bytes.copyBytes(from: $0) }
  }
  data.pointee = described
  procedures.pointee = Functions.table
  _ = Functions.cacheCallback(nil, 0, &error)  // so that a hook is not the first to call it
  return 0
}

extension Provider {
  fileprivate mutating func open(_ table: WSPUPCALLTABLEEX) throws(Failure) {
    upcalls = table
    do throws(RegistrationCacheError) {
      let cache = try RegistrationCache(
        providerName: "loopback", adapters: Adapter.operations, pinsMemory: true)
      adapter = try cache.publishAdapter(
        named: Adapter.name, address: Adapter.address, prefixLength: Adapter.prefixLength,
        maximumRegistrations: UInt64(Adapter.capacity))
      Self.cache = cache
    } catch {
      throw Failure(WSASYSNOTREADY)
    }
  }

  mutating func cleanUp() throws(Failure) {
    if starts == 0 { throw Failure(WSANOTINITIALISED) }
    starts -= 1
    if starts > 0 { return }
    for socket in sockets.values { close(socket) }
    Self.cache?.withdrawAdapter(adapter)
    Self.cache?.shutDown()
    Self.cache = nil
  }
}
