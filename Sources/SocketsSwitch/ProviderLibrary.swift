import CWinsockDirect
import Glibc

/// A provider's library, loaded and started.
///
/// Everything here waits or allocates: not for hook context. Before `stop()` the callback is taken
/// out of the fan-out.
final class ProviderLibrary: @unchecked Sendable {
  let path: String
  let description: String
  let procedures: WSPPROC_TABLE
  let functions: ProviderFunctions
  /// The addresses of the provider's adapters when it was started.
  let addresses: [IPv4Address]
  private let handle: UnsafeMutableRawPointer

  /// Loads the library at `path` and starts it with version 2.2.
  init(path: String) throws(SwitchError) {
    guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
      throw .libraryNotLoaded(path: path, reason: Self.loaderReason())
    }
    do throws(SwitchError) {
      let (procedures, description) = try Self.start(handle, path)
      do throws(SwitchError) {
        (functions, addresses) = try Self.query(procedures, path)
      } catch {
        Self.cleanUp(procedures)
        throw error
      }
      self.procedures = procedures
      self.description = description
    } catch {
      dlclose(handle)
      throw error
    }
    self.path = path
    self.handle = handle
  }

  /// Ends the provider.
  func stop() {
    Self.cleanUp(procedures)
  }

  /// Unloads the library: when the last socket that may still call into it is gone, too.
  deinit {
    dlclose(handle)
  }

  private static func cleanUp(_ procedures: WSPPROC_TABLE) {
    var error: Int32 = 0
    _ = procedures.lpWSPCleanup(&error)
  }

  private static func loaderReason() -> String {
    dlerror().map { String(cString: $0) } ?? "unknown"
  }

  private static func start(
    _ handle: UnsafeMutableRawPointer, _ path: String
  ) throws(SwitchError) -> (WSPPROC_TABLE, String) {
    guard let symbol = dlsym(handle, "WSPStartupEx") else { throw .notAProvider(path: path) }
    let startUp = unsafeBitCast(symbol, to: LPWSPSTARTUPEX.self)
    var data = WSPDATA()
    var procedures = WSPPROC_TABLE()
    let code = startUp(
      0x0202, &data, TransportInformation.information, Upcalls.table, &procedures)
    if code != 0 { throw .startUpRefused(path: path, code: code, reason: text(of: data)) }
    if data.wVersion != 0x0202 {
      if procedures.lpWSPCleanup != nil { cleanUp(procedures) }
      throw .versionRefused(
        path: path, major: UInt8(data.wVersion & 0xFF), minor: UInt8(data.wVersion >> 8))
    }
    if let name = ProcedureTable.firstMissing(in: procedures) {
      if procedures.lpWSPCleanup != nil { cleanUp(procedures) }
      throw .functionMissing(path: path, name: name)
    }
    return (procedures, text(of: data))
  }

  private static func text(of data: WSPDATA) -> String {
    withUnsafeBytes(of: data.szDescription) { bytes in
      let units = bytes.bindMemory(to: UInt16.self).prefix { $0 != 0 }
      // It goes into a line of text, whatever the provider wrote.
      return String(decoding: units.map { $0 < 32 ? 32 : $0 }, as: UTF16.self)
    }
  }

  /// Asks what a started provider can do, through a socket of its own.
  private static func query(
    _ procedures: WSPPROC_TABLE, _ path: String
  ) throws(SwitchError) -> (ProviderFunctions, [IPv4Address]) {
    let socket = try CompanionSocket.makeDescriptor(procedures)
    defer {
      var error: Int32 = 0
      _ = procedures.lpWSPCloseSocket(socket, &error)
    }
    return (
      try ProviderFunctions(of: procedures, socket: socket, path: path),
      try AddressList.query(procedures, socket, path)
    )
  }
}
