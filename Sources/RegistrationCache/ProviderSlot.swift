import Inspection
import VirtualMemory

/// The places of the published provider table.
enum ProviderSlot {
  private static let taking = Lock(())

  /// Takes a free place and writes the name; nil where there is none.
  static func take(in publication: Publication, name: String) -> (Int, ProviderRecord)? {
    taking.withLock { (_) in
      for index in 0..<Layout.maximumProviders {
        let record = publication.provider(index)
        if record.state.load() != 0 { continue }
        publication.update {
          record.write(name)
          record.state.storeReleasing(1)
        }
        return (index, record)
      }
      return nil
    }
  }

  /// Gives the place back: the provider is gone.
  static func giveBack(_ record: ProviderRecord, in publication: Publication) {
    taking.withLock { (_) in
      publication.update {
        _ = record.base.initializeMemory(
          as: UInt8.self, repeating: 0, count: ProviderRecord.stride)
      }
    }
  }
}

extension ProviderRecord {
  fileprivate func write(_ text: String) {
    let bytes = Array(text.utf8.prefix(Self.nameBytes - 1)) + [0]
    name.copyMemory(from: bytes, byteCount: bytes.count)
  }
}
