import Inspection

/// One file or folder that somebody looked up.
struct Node: Hashable, Sendable {
  /// Its place in the catalog.
  var entry: Int
  /// From the root, beginning with `/`.
  var path: String
  var subject: Subject

  static let root = Node(entry: 0, path: "/", subject: Subject())
  static let rootNumber: UInt64 = 1

  var name: String { String(path.split(separator: "/").last ?? "") }

  func child(_ name: String, entry: Int, subject: Subject) -> Node {
    Node(entry: entry, path: path == "/" ? "/\(name)" : "\(path)/\(name)", subject: subject)
  }

  /// The number that the kernel knows it by: the same for the same thing as long as it exists,
  /// another one for another thing of that name later.
  var number: UInt64 {
    if path == "/" { return Self.rootNumber }
    // FNV-1a: quick, and the same in every run.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    for byte in path.utf8 { mix(byte) }
    for word in [subject.process?.startTicks ?? 0, UInt64(subject.regionGeneration ?? 0)] {
      for shift in stride(from: UInt64(0), to: 64, by: 8) {
        mix(UInt8(truncatingIfNeeded: word >> shift))
      }
    }
    return hash > Self.rootNumber ? hash : hash + 2
  }
}
