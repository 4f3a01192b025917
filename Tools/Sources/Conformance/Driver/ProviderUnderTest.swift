import CWinsockDirect
import Glibc

/// A provider's library: loaded, and started as the switch starts it.
final class ProviderUnderTest: @unchecked Sendable {
  let startUp: LPWSPSTARTUPEX
  /// What the last successful start has given.
  private(set) var functions = WSPPROC_TABLE()
  private(set) var data = WSPDATA()

  /// Loads the library.
  ///
  /// - Throws: a line that says why it is none, or no provider.
  init(path: String) throws(LoadingFailure) {
    // With a slash in it, the loader looks nowhere else.
    guard let library = dlopen(path.contains("/") ? path : "./\(path)", RTLD_NOW | RTLD_LOCAL)
    else {
      throw LoadingFailure(dlerror().map { String(cString: $0) } ?? "\(path) cannot be loaded")
    }
    guard let symbol = dlsym(library, "WSPStartupEx") else {
      throw LoadingFailure("\(path) does not export WSPStartupEx, so it is no provider")
    }
    startUp = unsafeBitCast(symbol, to: LPWSPSTARTUPEX.self)
  }

  /// WSPStartupEx of version 2.2; its answer.
  func start() -> INT {
    var data = WSPDATA()
    var table = WSPPROC_TABLE()
    let code = startUp(
      0x0202, &data, TransportInformation.pointer, UpcallTable.pointer, &table)
    // Where it is refused the description may say why.
    self.data = data
    if code == 0 { functions = table }
    return code
  }

  /// What the provider calls itself, or why it did not start.
  var description: String {
    withUnsafeBytes(of: data.szDescription) { bytes in
      let units = bytes.bindMemory(to: UInt16.self).prefix { $0 != 0 }
      // It goes into a line of text, whatever the provider wrote.
      return String(decoding: units.map { $0 < 32 ? 32 : $0 }, as: UTF16.self)
    }
  }

  /// WSPCleanup; the error, 0 for success.
  func cleanUp() -> INT { Self.error { functions.lpWSPCleanup($0) } }

  /// The number that a call left; 0 where it succeeded.
  static func error(_ call: (LPINT) -> INT) -> INT {
    var error: INT = 0
    if call(&error) == 0 { return 0 }
    // A failure without a reason is none of the numbers.
    return error == 0 ? -1 : error
  }

  /// An extension function; nil and the error where there is none.
  func find(_ guid: GUID) -> (pointer: UnsafeRawPointer?, error: INT, byteCount: DWORD) {
    var guid = guid
    var pointer: UnsafeRawPointer?
    var byteCount: DWORD = 0
    let error = Self.error {
      functions.lpWSPIoctl(
        INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid,
        DWORD(MemoryLayout<GUID>.size), &pointer, DWORD(MemoryLayout<UInt>.size), &byteCount, nil,
        nil, nil, $0)
    }
    return (error == 0 ? pointer : nil, error, byteCount)
  }

  /// Whether the provider offers WSPRdmaRead, and the cache's callback: it need not.
  var offersRead: Bool { find(WSAID_RDMAREAD).error == 0 }
  var offersCallback: Bool { find(WSAID_MEMORYREGISTRATIONCACHECALLBACK).error == 0 }

  /// An extension function as what it is; of one that is not offered, C12 and C13 say why.
  func function<Function>(
    _ guid: GUID, named name: String, as type: Function.Type = Function.self
  ) throws(Failure) -> Function {
    guard let pointer = find(guid).pointer else {
      throw .notApplicable("the provider offers no \(name)")
    }
    return unsafeBitCast(pointer, to: Function.self)
  }
}
