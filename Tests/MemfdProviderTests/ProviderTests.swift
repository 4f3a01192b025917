import Inspection
import Testing
import VirtualMemory

/// Everything that starts the provider: one for the process, therefore one test after the other.
@Suite(.serialized)
enum ProviderTests {
  /// The published counters of the provider that is started.
  static func record() throws -> ProviderRecord {
    let publication = try Publication.current()
    let index = try #require(
      (0..<Layout.maximumProviders).first { index in
        let record = publication.provider(index)
        let name = record.name.assumingMemoryBound(to: CChar.self)
        return record.state.load() != 0 && String(cString: name) == "memfd"
      })
    return publication.provider(index)
  }
}
