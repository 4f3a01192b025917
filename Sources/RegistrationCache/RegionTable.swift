import CLinuxMemory
import Inspection
import VirtualMemory

// Hook context: everything but `init`.

/// The free records of the published region table, which all caches of the process share, and the
/// free chunks of page frames.
///
/// Both are stacks in memory set aside beforehand, under one lock that is held for a few loads and
/// stores. A record's `next` and a chunk's `next` link the stack while they are free.
struct RegionTable: @unchecked Sendable {
  let publication: Publication
  private let lock: HookSafeLock
  private let state: UnsafeMutablePointer<State>

  private struct State {
    /// 1 + the index of the first free one; 0 at the end.
    var freeRecord: UInt32
    var freeChunk: UInt32
    /// From here on they were never used.
    var unusedRecord: UInt32
    var unusedChunk: UInt32
  }

  private static let shared = Lock<(publication: UInt, table: RegionTable)?>(nil)

  /// The table of this process, or of this child after a fork.
  static func current(_ publication: Publication) throws(RegistrationCacheError) -> RegionTable {
    try shared.withLock { (shared) throws(RegistrationCacheError) in
      let identity = UInt(bitPattern: publication.base)
      if let shared, shared.publication == identity { return shared.table }
      guard let memory = CLinuxMemory_reserve(Int(Page.size)) else { throw .exhausted }
      let table = RegionTable(publication: publication, memory: memory)
      shared = (identity, table)
      return table
    }
  }

  private init(publication: Publication, memory: UnsafeMutableRawPointer) {
    self.publication = publication
    lock = HookSafeLock(at: memory)
    state = (memory + 64).bindMemory(to: State.self, capacity: 1)
  }

  /// Records that were ever used: the rest is free.
  var usedRecords: UInt32 { lock.withLock { state.pointee.unusedRecord } }

  /// A free record; nil where all are in use.
  func takeRecord() -> UInt32? {
    lock.withLock { () -> UInt32? in
      if state.pointee.freeRecord != 0 {
        let slot = state.pointee.freeRecord - 1
        state.pointee.freeRecord = publication.region(Int(slot)).next.loadRelaxed()
        return slot
      }
      guard state.pointee.unusedRecord < UInt32(Layout.maximumRegions) else { return nil }
      state.pointee.unusedRecord += 1
      return state.pointee.unusedRecord - 1
    }
  }

  /// Gives back a record whose word says that it is free.
  func giveBack(record slot: UInt32) {
    lock.withLock {
      publication.region(Int(slot)).next.storeRelaxed(state.pointee.freeRecord)
      state.pointee.freeRecord = slot + 1
    }
  }

  /// `count` chunks as a list (1 + index of its first), or 0 where there are not that many.
  func takeChunks(_ count: Int) -> UInt32 {
    lock.withLock { () -> UInt32 in
      var list: UInt32 = 0
      for _ in 0..<count {
        guard let chunk = takeChunk() else {
          giveBackLocked(list)
          return 0
        }
        publication.frameChunk(Int(chunk)).next.storeRelaxed(UInt64(list))
        list = chunk + 1
      }
      return list
    }
  }

  func giveBack(chunks list: UInt32) {
    if list == 0 { return }
    lock.withLock { giveBackLocked(list) }
  }

  private func takeChunk() -> UInt32? {
    if state.pointee.freeChunk != 0 {
      let chunk = state.pointee.freeChunk - 1
      state.pointee.freeChunk = UInt32(publication.frameChunk(Int(chunk)).next.loadRelaxed())
      return chunk
    }
    guard state.pointee.unusedChunk < UInt32(Layout.maximumFrameChunks) else { return nil }
    state.pointee.unusedChunk += 1
    return state.pointee.unusedChunk - 1
  }

  private func giveBackLocked(_ list: UInt32) {
    var list = list
    while list != 0 {
      let next = publication.frameChunk(Int(list - 1)).next
      let following = UInt32(next.loadRelaxed())
      next.storeRelaxed(UInt64(state.pointee.freeChunk))
      state.pointee.freeChunk = list
      list = following
    }
  }
}
