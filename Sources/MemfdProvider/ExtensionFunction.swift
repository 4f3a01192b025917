import CWinsockDirect

/// A function of the extensions for SANs, as WSPIoctl hands it out.
struct ExtensionFunction {
  private let pointer: UnsafeRawPointer

  /// The function that the GUID in `input` names. Throws `.fault` where there is none in it, and
  /// `.invalid` for a GUID of nothing that is known here (C14).
  static func find(_ input: UnsafeRawBufferPointer) throws(SocketsError) -> ExtensionFunction {
    guard input.count >= MemoryLayout<GUID>.size else { throw .fault }
    switch try CallerMemory.read(input.baseAddress, as: GUID.self) {
    case WSAID_REGISTERMEMORY:
      let function: LPFN_WSPREGISTERMEMORY = registerMemory
      return ExtensionFunction(pointer: unsafeBitCast(function, to: UnsafeRawPointer.self))
    case WSAID_DEREGISTERMEMORY:
      let function: LPFN_WSPDEREGISTERMEMORY = deregisterMemory
      return ExtensionFunction(pointer: unsafeBitCast(function, to: UnsafeRawPointer.self))
    case WSAID_REGISTERRDMAMEMORY:
      let function: LPFN_WSPREGISTERRDMAMEMORY = registerRdmaMemory
      return ExtensionFunction(pointer: unsafeBitCast(function, to: UnsafeRawPointer.self))
    case WSAID_DEREGISTERRDMAMEMORY:
      let function: LPFN_WSPDEREGISTERRDMAMEMORY = deregisterRdmaMemory
      return ExtensionFunction(pointer: unsafeBitCast(function, to: UnsafeRawPointer.self))
    case WSAID_RDMAWRITE:
      let function: LPFN_WSPRDMAWRITE = rdmaWrite
      return ExtensionFunction(pointer: unsafeBitCast(function, to: UnsafeRawPointer.self))
    case WSAID_RDMAREAD:
      let function: LPFN_WSPRDMAREAD = rdmaRead
      return ExtensionFunction(pointer: unsafeBitCast(function, to: UnsafeRawPointer.self))
    case WSAID_MEMORYREGISTRATIONCACHECALLBACK:
      let function: LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK = memoryRegistrationCacheCallback
      return ExtensionFunction(pointer: unsafeBitCast(function, to: UnsafeRawPointer.self))
    default: throw .invalid
    }
  }

  /// Writes the pointer, and that it has the size of one (C12).
  func store(
    to output: UnsafeMutableRawBufferPointer, _ byteCount: CallerVariable<DWORD>
  ) throws(SocketsError) {
    let size = MemoryLayout<UnsafeRawPointer>.size
    if output.count < size { throw .fault }
    try CallerMemory.checkWritable(output.baseAddress, size)
    try CallerMemory.write(UInt(bitPattern: pointer), to: output.baseAddress)
    try byteCount.store(DWORD(size))
  }
}

private func ~= (pattern: GUID, value: GUID) -> Bool {
  withUnsafeBytes(of: pattern) { pattern in
    withUnsafeBytes(of: value) { value in pattern.elementsEqual(value) }
  }
}
