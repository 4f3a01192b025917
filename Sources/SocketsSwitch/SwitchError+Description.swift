extension SwitchError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .libraryNotLoaded(_, let reason):
      "the provider cannot be loaded: \(reason)"
    case .notAProvider(let path):
      "\(path) is not a provider: it does not export WSPStartupEx"
    case .startUpRefused(let path, let code, let reason):
      "the provider \(path) refused to start: \(reason.isEmpty ? ErrorName.text(code) : reason)"
    case .versionRefused(let path, let major, let minor):
      "the provider \(path) wants version \(major).\(minor) of the interface; this is 2.2"
    case .functionMissing(let path, let name):
      "the provider \(path) lacks the required function \(name)"
    case .addressListMalformed(let path):
      "the provider \(path) answered SIO_ADDRESS_LIST_QUERY with nonsense"
    case .addressTwice(let address):
      "the address \(address) belongs to two adapters; give each its own in PINDOWN_NICS"
    case .noAdapter(let address):
      "no NIC has the address \(address), or serves its subnet; see PINDOWN_NICS"
    case .tooManyProviders:
      "\(Limits.maximumProviders) providers are loaded, and there can be no more"
    case .notStarted:
      "the switch is not started"
    case .closed:
      "the socket is closed"
    case .timedOut(let operation):
      "\(operation.rawValue) did not complete in time"
    case .refused(let operation, let code):
      "\(operation.rawValue) failed: \(ErrorName.text(code))"
    case .trackingUnavailable(let reason):
      "the mappings of this process cannot be watched: \(reason)"
    case .messageMemoryUnavailable(let reason):
      "no memory for messages: \(reason)"
    case .messageTooLong:
      "a message may have \(Limits.maximumShortMessageBytes) bytes at most"
    case .publicationUnavailable(let reason):
      "the state of this process cannot be published: \(reason)"
    }
  }
}
