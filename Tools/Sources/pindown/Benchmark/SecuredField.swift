import Glibc
import Pindown

/// Many secured regions, at equal distances in address space of their own.
final class SecuredField: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let count: Int
  let bytes: Int
  let distance: Int
  private var regions: [SecuredRegion] = []
  private let tracker: PageTracker

  /// `count` regions of `bytes`, each `distance` from the one before; there is room for
  /// `places` of them, where that is more.
  init(count: Int, bytes: Int, distance: Int, places: Int = 0) throws {
    self.count = count
    self.bytes = bytes
    self.distance = distance
    length = max(count, places, 1) * distance
    let memory = mmap(
      nil, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let memory, memory != MAP_FAILED else { throw ToolError("no address space") }
    base = memory
    tracker = try PageTracker.shared()
    regions = [SecuredRegion](repeating: SecuredRegion(rawValue: 0), count: count)
  }

  private let length: Int

  func secure() throws {
    for index in 0..<count {
      let start = UInt(bitPattern: base) + UInt(index * distance)
      regions[index] = try tracker.secure(
        AddressRange(start: start, end: start + UInt(bytes)), access: .readWrite)
    }
  }

  func unsecure() {
    for region in regions { tracker.unsecure(region) }
  }

  deinit {
    munmap(base, length)
  }
}
