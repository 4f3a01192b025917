/// What a message of a session is; see PROTOCOL.md.
enum MessageKind: UInt8 {
  case hello = 1
  case data = 2
  case offer = 3
  case withdraw = 4
  case ready = 5
  case source = 6
  case written = 7
  case done = 8
  case credit = 9
  case finish = 10

  /// Whether it uses a credit, because its receive may be kept until the application reads.
  var usesCredit: Bool {
    switch self {
    case .data, .offer, .withdraw: true
    default: false
    }
  }
}
