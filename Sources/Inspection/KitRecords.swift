import VirtualMemory

/// The published records that are left to providers outside of this library: the last ones of each
/// table. The memfd provider takes its own from the front. Not for hook context.
package enum KitRecords {
  package static let sockets = (Layout.maximumSockets * 3 / 4)..<Layout.maximumSockets
  package static let registrations =
    (Layout.maximumRegistrations * 3 / 4)..<Layout.maximumRegistrations

  private struct Taken {
    var sockets = FreeNumbers(KitRecords.sockets)
    var registrations = FreeNumbers(KitRecords.registrations)
  }

  private struct FreeNumbers {
    private var returned: [Int] = []
    private var unused: Range<Int>

    init(_ numbers: Range<Int>) { unused = numbers }

    mutating func take() -> Int? { returned.popLast() ?? unused.popFirst() }
    mutating func giveBack(_ number: Int) { returned.append(number) }
  }

  private static let taken = Lock(Taken())

  package static func takeSocket() -> Int? { taken.withLock { $0.sockets.take() } }
  package static func giveBack(socket: Int) { taken.withLock { $0.sockets.giveBack(socket) } }
  package static func takeRegistration() -> Int? { taken.withLock { $0.registrations.take() } }
  package static func giveBack(registration: Int) {
    taken.withLock { $0.registrations.giveBack(registration) }
  }

  /// Takes the last adapter record that is free: nobody else has it when this returns, and it is not
  /// shown until its state becomes 1.
  package static func takeNIC(in publication: Publication) -> Int? {
    (0..<Layout.maximumNICs).reversed().first { index in
      publication.nic(index).state.compareExchange(expected: 0, desired: 2).exchanged
    }
  }
}
