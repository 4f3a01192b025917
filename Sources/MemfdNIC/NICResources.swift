import Inspection
import VirtualMemory

/// What an adapter's queue pairs use of it.
struct NICResources: @unchecked Sendable {
  let protection: ProtectionTable
  let pins: PinTable?
  let mode: DMAMode
  let publication: Publication
  let record: NICRecord
  let index: Int
}
