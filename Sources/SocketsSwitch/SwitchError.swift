/// Why the switch, or a provider that it asked, did not do something.
///
/// `description` is one line that says what happened and, where something can be done, what.
public enum SwitchError: Error, Hashable, Sendable {
  /// The library could not be loaded; the dynamic loader's reason.
  case libraryNotLoaded(path: String, reason: String)
  /// The library exports no WSPStartupEx.
  case notAProvider(path: String)
  /// The provider's WSPStartupEx answered with an error number, and perhaps a reason.
  case startUpRefused(path: String, code: Int32, reason: String)
  /// The provider wants another version of the interface.
  case versionRefused(path: String, major: UInt8, minor: UInt8)
  /// The provider lacks a function that every provider has.
  case functionMissing(path: String, name: String)
  /// The answer to SIO_ADDRESS_LIST_QUERY makes no sense.
  case addressListMalformed(path: String)
  /// Two adapters have the same address.
  case addressTwice(IPv4Address)
  /// No adapter of a loaded provider has the address, or serves its subnet.
  case noAdapter(IPv4Address)
  /// As many providers as there can be are loaded.
  case tooManyProviders
  /// The switch is not started, or was stopped.
  case notStarted
  /// The socket was closed.
  case closed
  /// It did not happen in the time that the caller gave.
  case timedOut(operation: Operation)
  /// A provider's function answered, or a request completed, with an error number.
  case refused(operation: Operation, code: Int32)
  /// The mappings of this process cannot be watched.
  case trackingUnavailable(reason: String)
  /// The state of this process cannot be published.
  case publicationUnavailable(reason: String)

  /// There is no memory for short messages.
  case messageMemoryUnavailable(reason: String)
  /// A short message was longer than one can be.
  case messageTooLong

  /// What was asked of a provider.
  public enum Operation: String, Hashable, Sendable {
    case socket = "WSPSocket"
    case bind = "WSPBind"
    case listen = "WSPListen"
    case accept = "WSPAccept"
    case connect = "WSPConnect"
    case eventSelect = "WSPEventSelect"
    case enumerateEvents = "WSPEnumNetworkEvents"
    case addressList = "SIO_ADDRESS_LIST_QUERY"
    case option = "WSPGetSockOpt"
    case localAddress = "WSPGetSockName"
    case close = "WSPCloseSocket"
    case registerMemory = "WSPRegisterMemory"
    case deregisterMemory = "WSPDeregisterMemory"
    case registerRDMAMemory = "WSPRegisterRdmaMemory"
    case deregisterRDMAMemory = "WSPDeregisterRdmaMemory"
    case rdmaWrite = "WSPRdmaWrite"
    case rdmaRead = "WSPRdmaRead"
    case send = "WSPSend"
    case receive = "WSPRecv"
  }
}
