import CMemfdNIC
import VirtualMemory

/// A peer that wants to be connected. When it goes out of scope unanswered, it is rejected.
package final class ConnectionRequest: @unchecked Sendable {
  /// The peer's address and port, as it says; and its process, as the kernel says.
  package let peerAddress: IPv4Address
  package let peerPort: UInt16
  package let peerPID: Int32
  /// The port that it connected to.
  package let localPort: UInt16

  private struct Offer: ~Copyable, Sendable {
    let links: Links
    let peer: PeerIntroduction
    init(links: consuming Links, peer: consuming PeerIntroduction) {
      self.links = links
      self.peer = peer
    }
  }
  private let offer: Lock<Offer?>
  private let nic: MemfdNIC

  init(
    nic: MemfdNIC, hello: WireMessage, localPort: UInt16, links: consuming Links,
    peer: consuming PeerIntroduction
  ) {
    self.nic = nic
    peerAddress = IPv4Address(rawValue: hello.address)
    peerPort = hello.port
    peerPID = peer.process
    self.localPort = localPort
    offer = Lock(Offer(links: links, peer: peer))
  }

  deinit {
    reject()
  }

  /// Connects the peer with a queue pair of the listening adapter. When it returns they are
  /// connected; `established` is not called.
  ///
  /// Throws `connectionReset` where the peer has gone meanwhile, `invalidState` where the queue
  /// pair or the request has been used already.
  package func accept(as queuePair: QueuePair) throws(MemfdNICError) {
    guard let offer = offer.withLock({ $0.take() }) else { throw .invalidState }
    try queuePair.accept(offer.links, peer: offer.peer, localPort: localPort)
  }

  /// Sends the peer away. Without effect where the request has been answered.
  package func reject() {
    guard let offer = offer.withLock({ $0.take() }) else { return }
    Self.refuse(offer.links.socket)
  }

  static func refuse(_ socket: borrowing Descriptor) {
    var message = WireMessage(.refuse)
    _ = CMemfdNIC_send(socket.number, &message, WireMessage.byteCount, nil, 0, nil, 0)
  }
}
