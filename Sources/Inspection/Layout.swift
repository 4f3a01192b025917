import VirtualMemory

/// Where things lie in the memfd that a process publishes, and how many of each there can be.
///
/// The memfd is a header followed by tables of fixed records. It is sparse: a table costs only
/// the pages that were written. Writer and reader agree by `version`, which changes with every
/// change of a record.
package enum Layout {
  /// The name of the memfd: how a reader finds it in `/proc/<pid>/fd`.
  package static let memfdName: StaticString = "pindown-inspection"
  package static let magic: UInt64 = 0x314E_574F_444E_4950  // "PINDOWN1"
  package static let version: UInt32 = 3

  package static let maximumProviders = 16
  package static let maximumMonitors = 4
  package static let maximumNICs = 8
  package static let maximumSockets = 4096
  package static let maximumRegions = 65536
  package static let maximumRegistrations = 65536
  package static let maximumFrameChunks = 65536
  package static let maximumEvents = 16384

  package static let headerOffset = 0
  package static let headerBytes = 4096
  package static let providersOffset = headerOffset + headerBytes
  package static let nicsOffset = end(providersOffset, maximumProviders, ProviderRecord.stride)
  package static let socketsOffset = end(nicsOffset, maximumNICs, NICRecord.stride)
  package static let regionsOffset = end(socketsOffset, maximumSockets, SocketRecord.stride)
  package static let registrationsOffset = end(regionsOffset, maximumRegions, RegionRecord.stride)
  package static let framesOffset = end(
    registrationsOffset, maximumRegistrations, RegistrationRecord.stride)
  package static let eventsOffset = end(framesOffset, maximumFrameChunks, FrameChunk.stride)
  package static let totalBytes = end(eventsOffset, maximumEvents, EventRecord.stride)

  /// Where the next table begins: at the next page.
  private static func end(_ offset: Int, _ count: Int, _ stride: Int) -> Int {
    (offset + count * stride + Int(Page.size) - 1) & ~(Int(Page.size) - 1)
  }
}
