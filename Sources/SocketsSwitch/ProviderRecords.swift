import Inspection
import VirtualMemory

/// Under which index a provider is published.
///
/// A provider that uses this library's registration cache publishes a record of its own while it
/// starts: the one that was not there before. For any other the switch publishes one, so that its
/// answers have a name.
struct ProviderRecords {
  private let publication: Publication
  private let before: Set<Int>

  /// Notes what is published before a provider starts.
  init(_ publication: Publication) {
    self.publication = publication
    before = Self.inUse(publication)
  }

  private static func inUse(_ publication: Publication) -> Set<Int> {
    Set((0..<Layout.maximumProviders).filter { publication.provider($0).state.load() != 0 })
  }

  /// The record of the provider that has started meanwhile, and whether the switch made it.
  func claim(named path: String) -> (index: UInt32, isOurs: Bool) {
    let fresh = Self.inUse(publication).subtracting(before)
    if let index = fresh.min() { return (UInt32(index), false) }
    for index in 0..<Layout.maximumProviders {
      let record = publication.provider(index)
      guard record.state.compareExchange(expected: 0, desired: 1).exchanged else { continue }
      write(Self.name(of: path), into: record)
      return (UInt32(index), true)
    }
    return (.max, false)
  }

  /// The file's name without folder and without what follows the first dot.
  private static func name(of path: String) -> Substring {
    let file = path.split(separator: "/").last ?? "provider"
    let stem = file.split(separator: ".").first ?? file
    return stem.hasPrefix("lib") ? stem.dropFirst(3) : stem
  }

  private func write(_ name: Substring, into record: ProviderRecord) {
    let room = ProviderRecord.nameBytes - 1
    for (offset, byte) in name.utf8.prefix(room).enumerated() {
      record.name.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
    }
    record.name.storeBytes(
      of: 0, toByteOffset: min(name.utf8.count, room), as: UInt8.self)
    record.maximumBytes.store(.max)
    record.maximumRegions.store(.max)
  }

  /// Takes a record back that the switch made.
  static func release(_ index: UInt32, of publication: Publication) {
    publication.provider(Int(index)).state.store(0)
  }
}
