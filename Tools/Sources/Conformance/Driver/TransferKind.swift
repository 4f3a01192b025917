/// The four functions that move data.
enum TransferKind: Int {
  case send, receive, write, read

  var name: String { ["WSPSend", "WSPRecv", "WSPRdmaWrite", "WSPRdmaRead"][rawValue] }
}
