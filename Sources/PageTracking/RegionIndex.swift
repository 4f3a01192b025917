import CLinuxMemory
import VirtualMemory

// Hook context: everything but `init`.

/// The secured regions in order of their addresses, for finding those that a change touches.
///
/// A treap in memory set aside beforehand: nodes are numbered from 1, and 0 is no node. Each node
/// knows the highest end below it, so that overlapping regions (of two providers, say) are found
/// without a walk through all. Not synchronised: its owner's lock is held around every call.
struct RegionIndex: @unchecked Sendable {
  typealias Node = RegionNode

  struct Root {
    var node: UInt32
    var firstFree: UInt32
    /// Nodes from here on were never used.
    var firstUnused: UInt32
    var count: UInt32
  }

  let root: UnsafeMutablePointer<Root>
  let nodes: UnsafeMutablePointer<Node>

  init() throws(PageTrackingError) {
    let capacity = PageTrackingLimits.maximumRegions + 1
    let bytes = 64 + capacity * MemoryLayout<Node>.stride
    guard let memory = CLinuxMemory_reserve(bytes) else { throw .exhausted }
    root = memory.bindMemory(to: Root.self, capacity: 1)
    nodes = (memory + 64).bindMemory(to: Node.self, capacity: capacity)
  }

  var count: Int { Int(root.pointee.count) }

  /// Adds a region; nil where the index is full.
  func insert(_ range: AddressRange, access: MemoryAccess, file: UInt32 = 0) -> SecuredRegion? {
    guard let node = takeNode() else { return nil }
    let generation = nodes[Int(node)].generation
    nodes[Int(node)] = Node(
      range, access: access.rawValue, file: file, generation: generation)
    let parts = split(root.pointee.node, before: node)
    root.pointee.node = merge(merge(parts.low, node), parts.high)
    root.pointee.count += 1
    return SecuredRegion(node: node, generation: generation)
  }

  /// Where a region is; nil where it is not secured any more.
  func range(of region: SecuredRegion) -> AddressRange? {
    let node = nodes[Int(region.node)]
    guard node.isSecured, node.generation == region.generation else { return nil }
    return AddressRange(start: node.start, end: node.end)
  }

  /// Takes a region out, which must be there.
  func remove(_ region: SecuredRegion) {
    root.pointee.node = removing(region.node, from: root.pointee.node)
    nodes[Int(region.node)].isSecured = false
    nodes[Int(region.node)].generation &+= 1
    nodes[Int(region.node)].left = root.pointee.firstFree
    root.pointee.firstFree = region.node
    root.pointee.count -= 1
  }

  /// A region's place in the order of the index: by start, then by node.
  struct Position {
    var start: UInt
    var node: UInt32

    static let beforeAll = Position(start: 0, node: 0)

    /// Spelled out: comparing tuples would allocate in hook context, the first time.
    func comes(before other: Position) -> Bool {
      start < other.start || (start == other.start && node < other.node)
    }
  }

  /// A region that a search has found.
  struct Found {
    var region: SecuredRegion
    var range: AddressRange
    var access: MemoryAccess
    var fingerprint: Fingerprint
    var file: UInt32

    var position: Position { Position(start: range.start, node: region.node) }
  }

  /// The first region that overlaps `range` and comes after `previous`, and that needs an access
  /// which is not in `remaining`.
  func firstOverlap(
    _ range: AddressRange, after previous: Position, remaining: MemoryAccess
  ) -> Found? {
    let node = search(root.pointee.node, range, previous, remaining.rawValue)
    return node == 0 ? nil : found(node)
  }

  /// All that is known of a region; nil where it is not secured any more.
  func found(_ region: SecuredRegion) -> Found? {
    range(of: region) == nil ? nil : found(region.node)
  }

  private func found(_ node: UInt32) -> Found {
    let found = nodes[Int(node)]
    return Found(
      region: SecuredRegion(node: node, generation: found.generation),
      range: AddressRange(start: found.start, end: found.end),
      access: MemoryAccess(rawValue: found.access), fingerprint: found.fingerprint,
      file: found.file)
  }

  /// Writes down what is mapped in a region; false where it is not secured any more.
  func setFingerprint(_ fingerprint: Fingerprint, of region: SecuredRegion) -> Bool {
    if range(of: region) == nil { return false }
    nodes[Int(region.node)].fingerprint = fingerprint
    return true
  }

  private func search(
    _ node: UInt32, _ range: AddressRange, _ previous: Position, _ remaining: UInt8
  ) -> UInt32 {
    if node == 0 { return 0 }
    let this = nodes[Int(node)]
    if this.highestEnd <= range.start { return 0 }
    let comesAfter = previous.comes(before: position(node))
    if comesAfter {
      let found = search(this.left, range, previous, remaining)
      if found != 0 { return found }
    }
    if this.start >= range.end { return 0 }
    let loses = this.access & ~remaining != 0
    if comesAfter, this.end > range.start, loses { return node }
    return search(this.right, range, previous, remaining)
  }

  // MARK: The treap

  private func takeNode() -> UInt32? {
    let free = root.pointee.firstFree
    if free != 0 {
      root.pointee.firstFree = nodes[Int(free)].left
      return free
    }
    // After a fork the memory is zero, as if nothing had ever been secured.
    if root.pointee.firstUnused == 0 { root.pointee.firstUnused = 1 }
    if root.pointee.firstUnused > UInt32(PageTrackingLimits.maximumRegions) { return nil }
    root.pointee.firstUnused += 1
    return root.pointee.firstUnused - 1
  }

  /// The treap wants priorities that do not follow the order of addresses: a node's number, mixed,
  /// is as good as chance, and takes no room.
  func priority(_ node: UInt32) -> UInt32 {
    var mixed = node &* 0x9E37_79B9
    mixed ^= mixed >> 16
    mixed &*= 0x85EB_CA6B
    mixed ^= mixed >> 13
    return mixed &* 0xC2B2_AE35
  }

  private func update(_ node: UInt32) {
    let left = nodes[Int(node)].left
    let right = nodes[Int(node)].right
    var highest = nodes[Int(node)].end
    if left != 0 { highest = max(highest, nodes[Int(left)].highestEnd) }
    if right != 0 { highest = max(highest, nodes[Int(right)].highestEnd) }
    nodes[Int(node)].highestEnd = highest
  }

  private func position(_ node: UInt32) -> Position {
    Position(start: nodes[Int(node)].start, node: node)
  }

  private func comes(_ node: UInt32, before other: UInt32) -> Bool {
    position(node).comes(before: position(other))
  }

  private struct Parts {
    var low: UInt32
    var high: UInt32
  }

  private func split(_ tree: UInt32, before key: UInt32) -> Parts {
    if tree == 0 { return Parts(low: 0, high: 0) }
    if comes(tree, before: key) {
      let parts = split(nodes[Int(tree)].right, before: key)
      nodes[Int(tree)].right = parts.low
      update(tree)
      return Parts(low: tree, high: parts.high)
    }
    let parts = split(nodes[Int(tree)].left, before: key)
    nodes[Int(tree)].left = parts.high
    update(tree)
    return Parts(low: parts.low, high: tree)
  }

  private func merge(_ low: UInt32, _ high: UInt32) -> UInt32 {
    if low == 0 { return high }
    if high == 0 { return low }
    if priority(low) > priority(high) {
      nodes[Int(low)].right = merge(nodes[Int(low)].right, high)
      update(low)
      return low
    }
    nodes[Int(high)].left = merge(low, nodes[Int(high)].left)
    update(high)
    return high
  }

  private func removing(_ node: UInt32, from tree: UInt32) -> UInt32 {
    precondition(tree != 0, "a secured region is not in the index")
    if tree == node { return merge(nodes[Int(tree)].left, nodes[Int(tree)].right) }
    if comes(node, before: tree) {
      nodes[Int(tree)].left = removing(node, from: nodes[Int(tree)].left)
    } else {
      nodes[Int(tree)].right = removing(node, from: nodes[Int(tree)].right)
    }
    update(tree)
    return tree
  }
}
