import VirtualMemory

/// The nodes that the kernel knows, by number, with how often it was told of each.
final class NodeTable: Sendable {
  private let nodes = Lock<[UInt64: (node: Node, lookups: UInt64)]>([:])

  /// The node with this number; nil for one that the kernel should have forgotten.
  func node(_ number: UInt64) -> Node? {
    number == Node.rootNumber ? .root : nodes.withLock { $0[number]?.node }
  }

  /// Notes that the kernel is told of the node, and returns the number to tell.
  func remember(_ node: Node) -> UInt64 {
    nodes.withLock { nodes in
      var number = node.number
      if number == Node.rootNumber { return number }
      // Another node with the same hash keeps its number.
      while let known = nodes[number], known.node != node { number &+= 1 }
      nodes[number, default: (node, 0)].lookups += 1
      return number
    }
  }

  func forget(_ number: UInt64, _ count: UInt64) {
    nodes.withLock { nodes in
      guard let known = nodes[number] else { return }
      if known.lookups <= count {
        nodes[number] = nil
      } else {
        nodes[number] = (known.node, known.lookups - count)
      }
    }
  }

  var count: Int { nodes.withLock { $0.count } }
}
