@testable import PageTracking

extension RegionIndex {
  /// What is wrong with the treap; nil where nothing is.
  func brokenInvariant() -> String? {
    var visited = 0
    let problem = check(root.pointee.node, &visited)
    if let problem { return problem }
    return visited == count ? nil : "\(count) regions, but \(visited) in the tree"
  }

  private func check(_ node: UInt32, _ visited: inout Int) -> String? {
    if node == 0 { return nil }
    visited += 1
    let this = nodes[Int(node)]
    if !this.isSecured { return "\(node) is in the tree and not secured" }
    var highest = this.end
    for child in [this.left, this.right] where child != 0 {
      let other = nodes[Int(child)]
      highest = max(highest, other.highestEnd)
      if priority(child) > priority(node) { return "\(child) is below \(node)" }
      let isBefore = (other.start, child) < (this.start, node)
      if isBefore != (child == this.left) { return "\(child) is on the wrong side of \(node)" }
    }
    if highest != this.highestEnd { return "\(node) knows a wrong highest end" }
    return check(this.left, &visited) ?? check(this.right, &visited)
  }
}
