import MemfdNIC

/// A listener, and at which adapter it is.
struct AdapterListener {
  let adapter: Int
  let listener: Listener
}

/// A connection request that was taken from a listener.
struct WaitingRequest {
  /// At which adapter it arrived.
  let adapter: Int
  let request: ConnectionRequest
}
