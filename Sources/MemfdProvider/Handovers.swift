import MemfdNIC
import VirtualMemory

/// The connections that are offered to other processes. An offer outlives its socket: the switch may
/// close that before the other process has asked (spec 5.9).
final class Handovers: Sendable {
  private let offers = Lock<[HandoverOffer]>([])

  func add(_ offer: HandoverOffer) {
    offers.withLock { offers in
      offers.removeAll { $0.isOver }
      offers.append(offer)
    }
  }

  /// Ends those that nobody has taken, and their connections.
  func withdrawAll() {
    let all = offers.withLock { offers in
      defer { offers = [] }
      return offers
    }
    for offer in all { offer.withdraw() }
  }
}
