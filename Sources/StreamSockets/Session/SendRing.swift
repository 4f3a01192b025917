import SocketsSwitch

/// Buffers to send from, used in turn; a buffer belongs to the adapter until its send has completed.
struct SendRing {
  private var transfers: [Transfer?]
  private var next = 0

  init(count: Int) {
    transfers = Array(repeating: nil, count: count)
  }

  /// The send that still has the next buffer, if one has.
  var blocker: Transfer? {
    guard let transfer = transfers[next], !transfer.isComplete else { return nil }
    return transfer
  }

  /// The next buffer's number.
  var index: Int { next }

  /// Notes the send that was started from the next buffer.
  mutating func started(_ transfer: Transfer) {
    transfers[next] = transfer
    next = (next + 1) % transfers.count
  }

  /// The sends that have not completed.
  var pending: [Transfer] { transfers.compactMap { $0 }.filter { !$0.isComplete } }
}
