import Inspection
import MemfdNIC

/// Where a socket is in its life, and what it has at the adapters.
///
/// Engine threads change it: with the lock held there is no allocation and no call that waits.
struct SocketConnection {
  var phase = SocketState.created
  var local = SocketAddress()
  var remote = SocketAddress()
  var peerPID: Int32 = 0
  /// Index of the adapter of the connection; -1 for none.
  var adapter = -1
  var queuePair: QueuePair?
  /// Whether the adapter counts the connection as open.
  var isCounted = false
  /// Why the connection is over, once it is.
  var failure: SocketsError?
  var listeners: [AdapterListener] = []
  /// A connection request that was taken from a listener and has no answer yet.
  var request: WaitingRequest?
  var events = SocketEvents()
  /// SO_DEBUG.
  var isDebugged = false
}
