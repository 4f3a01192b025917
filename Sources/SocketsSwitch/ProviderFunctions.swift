import CWinsockDirect

/// The seven extension functions of a provider, found by SIO_GET_EXTENSION_FUNCTION_POINTER.
struct ProviderFunctions {
  let registerMemory: LPFN_WSPREGISTERMEMORY
  let deregisterMemory: LPFN_WSPDEREGISTERMEMORY
  let registerRDMAMemory: LPFN_WSPREGISTERRDMAMEMORY
  let deregisterRDMAMemory: LPFN_WSPDEREGISTERRDMAMEMORY
  let rdmaWrite: LPFN_WSPRDMAWRITE
  /// Optional: without it the switches on both ends write instead.
  let rdmaRead: LPFN_WSPRDMAREAD?
  /// Optional: a provider that caches nothing has none.
  let cacheCallback: LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK?

  /// Asks `procedures` for each, with `socket` as the socket of the question.
  init(
    of procedures: WSPPROC_TABLE, socket: SOCKET, path: String
  ) throws(SwitchError) {
    func find<Function>(
      _ guid: GUID, _ name: String, as type: Function.Type
    ) throws(SwitchError) -> Function {
      guard let address = Self.ask(procedures, socket, guid) else {
        throw .functionMissing(path: path, name: name)
      }
      return unsafeBitCast(address, to: type)
    }
    registerMemory = try find(
      WSAID_REGISTERMEMORY, "WSPRegisterMemory", as: LPFN_WSPREGISTERMEMORY.self)
    deregisterMemory = try find(
      WSAID_DEREGISTERMEMORY, "WSPDeregisterMemory", as: LPFN_WSPDEREGISTERMEMORY.self)
    registerRDMAMemory = try find(
      WSAID_REGISTERRDMAMEMORY, "WSPRegisterRdmaMemory", as: LPFN_WSPREGISTERRDMAMEMORY.self)
    deregisterRDMAMemory = try find(
      WSAID_DEREGISTERRDMAMEMORY, "WSPDeregisterRdmaMemory", as: LPFN_WSPDEREGISTERRDMAMEMORY.self)
    rdmaWrite = try find(WSAID_RDMAWRITE, "WSPRdmaWrite", as: LPFN_WSPRDMAWRITE.self)
    rdmaRead = Self.ask(procedures, socket, WSAID_RDMAREAD).map {
      unsafeBitCast($0, to: LPFN_WSPRDMAREAD.self)
    }
    cacheCallback = Self.ask(procedures, socket, WSAID_MEMORYREGISTRATIONCACHECALLBACK).map {
      unsafeBitCast($0, to: LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK.self)
    }
  }

  private static func ask(
    _ procedures: WSPPROC_TABLE, _ socket: SOCKET, _ guid: GUID
  ) -> UnsafeMutableRawPointer? {
    var guid = guid
    var address: UnsafeMutableRawPointer?
    var byteCount: DWORD = 0
    var error: Int32 = 0
    let result = procedures.lpWSPIoctl(
      socket, DWORD(SIO_GET_EXTENSION_FUNCTION_POINTER), &guid, DWORD(MemoryLayout<GUID>.size),
      &address, DWORD(MemoryLayout<UnsafeRawPointer>.size), &byteCount, nil, nil, nil, &error)
    return result == 0 ? address : nil
  }
}
