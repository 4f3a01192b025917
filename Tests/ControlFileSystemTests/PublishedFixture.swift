import Glibc
import Inspection
import VirtualMemory

/// What the test process publishes while a test runs: two adapters, a provider, a socket, regions.
struct PublishedFixture: ~Copyable {
  let publication: Publication
  static let used = AddressRange(start: 0x7f00_0000_0000, end: 0x7f00_0000_3000)
  static let cached = AddressRange(start: 0x7f00_0010_0000, end: 0x7f00_0011_0000)
  static let registeredAt: UInt64 = 1_700_000_000_000_000_000

  static var process: String { "/processes/\(getpid())" }
  static var provider: String { process + "/providers/memfd" }
  static let usedName = "00007f0000000000-00007f0000003000"
  static let cachedName = "00007f0000100000-00007f0000110000"

  init() throws {
    publication = try Publication.current()
    publication.update {
      for index in 0..<2 { putNIC(index) }
      let provider = publication.provider(0)
      setName(provider.name, "memfd")
      provider.maximumBytes.store(.max)
      provider.maximumRegions.store(500)
      provider.state.store(1)
    }
    putRegion(0, Self.used, generation: 4, references: 2)
    putRegion(1, Self.cached, generation: 1, references: 0)
    putSocket()
  }

  deinit {
    publication.update {
      for index in 0..<2 { publication.nic(index).state.store(0) }
      publication.provider(0).state.store(0)
      for index in 0..<4 { publication.region(index).word.store(0) }
      publication.socket(6).state.store(0)
      publication.registration(0).word.store(0)
    }
  }

  private func putNIC(_ index: Int) {
    let nic = publication.nic(index)
    setName(nic.name, "mem\(index)")
    nic.address.store(0x0a4d_0001 + UInt32(index) << 8)
    nic.prefixLength.store(24)
    nic.state.store(1)
  }

  func putRegion(_ index: Int, _ range: AddressRange, generation: UInt32, references: UInt32) {
    publication.update {
      let region = publication.region(index)
      region.start.store(UInt64(range.start))
      region.end.store(UInt64(range.end))
      region.registeredAt.store(Self.registeredAt)
      region.provider.store(0)
      region.backing.store(Backing.pinned.rawValue)
      region.access.store(3)
      region.nicMask.store(3)
      region.key(0).store(0x11)
      region.key(1).store(0x22)
      region.word.store(
        UInt64(generation) << 32 | UInt64(RegionState.live.rawValue) << 24 | UInt64(references))
    }
  }

  func removeRegion(_ index: Int) {
    publication.update { publication.region(index).word.store(0) }
  }

  private func putSocket() {
    publication.update {
      let socket = publication.socket(6)
      socket.nic.store(1)
      socket.localAddress.store(0x0a4d_0101)
      socket.localPort.store(700)
      socket.state.store(SocketState.connected.rawValue)
      let use = publication.registration(0)
      use.socket.store(6)
      use.region.store(0)
      use.regionGeneration.store(4)
      use.start.store(UInt64(Self.used.start))
      use.end.store(UInt64(Self.used.start) + 100)
      use.nic.store(1)
      use.word.store(1)
    }
  }

  private func setName(_ field: UnsafeMutableRawPointer, _ name: String) {
    let bytes = UnsafeMutableRawBufferPointer(start: field, count: 32)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
    for (index, byte) in name.utf8.enumerated() { bytes[index] = byte }
  }
}
