import Glibc
import Inspection
import VirtualMemory

extension Publication {
  /// Makes the record of a region live, as a cache does.
  func putRegion(
    _ index: Int, _ range: AddressRange, generation: UInt32, state: RegionState = .live,
    references: UInt32 = 0
  ) {
    update {
      let region = region(index)
      region.start.storeRelaxed(UInt64(range.start))
      region.end.storeRelaxed(UInt64(range.end))
      region.registeredAt.storeRelaxed(1_700_000_000_000_000_000)
      region.access.storeRelaxed(3)
      region.word.store(
        UInt64(generation) << 32 | UInt64(state.rawValue) << 24 | UInt64(references))
    }
  }

  func removeRegion(_ index: Int) {
    update { region(index).word.store(0) }
  }

  func setName(_ field: UnsafeMutableRawPointer, _ name: String, capacity: Int) {
    let bytes = UnsafeMutableRawBufferPointer(start: field, count: capacity)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
    for (index, byte) in name.utf8.enumerated() { bytes[index] = byte }
  }
}

/// Runs a body on a thread again and again until it is told to stop.
final class RepeatingThread: @unchecked Sendable {
  private let body: () -> Void
  private let stopped: UnsafeMutablePointer<UInt32>
  private var thread = pthread_t()

  init(_ body: @escaping () -> Void) {
    self.body = body
    stopped = .allocate(capacity: 1)
    stopped.initialize(to: 0)
    pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let thread = Unmanaged<RepeatingThread>.fromOpaque(argument).takeRetainedValue()
        while SharedHalfWord(thread.stopped).load() == 0 { thread.body() }
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
  }

  func stop() {
    SharedHalfWord(stopped).store(1)
    pthread_join(thread, nil)
  }
}
