import Inspection
import VirtualMemory

/// Writes down, in published chunks, which page frames a region had when it was pinned.
struct FrameRecorder: Sendable {
  private let regions: RegionTable
  private let frames: SharedFrames

  /// Nil where the kernel shows this process no frames.
  init?(_ regions: RegionTable) {
    guard let frames = try? PageFrames() else { return nil }
    self.frames = SharedFrames(frames)
    self.regions = regions
  }

  /// Records the frames of a region that the calling thread has to itself. Where the chunks are
  /// used up the region has none. Not for hook context.
  func record(_ range: AddressRange, in region: RegionRecord) {
    let pages = Int(range.pageCount)
    let list = regions.takeChunks(
      (pages + FrameChunk.framesPerChunk - 1) / FrameChunk.framesPerChunk)
    guard list != 0 else { return }
    var chunk = list
    var address = range.start
    while chunk != 0 {
      let record = regions.publication.frameChunk(Int(chunk - 1))
      let room = AddressRange(start: address, end: range.end)
      let words = (record.base + 8).assumingMemoryBound(to: UInt64.self)
      let buffer = UnsafeMutableBufferPointer(start: words, count: FrameChunk.framesPerChunk)
      let read = frames.value.read(room, into: buffer)
      for missing in read..<min(FrameChunk.framesPerChunk, Int(room.pageCount)) {
        buffer[missing] = 0
      }
      address += min(room.length, UInt(FrameChunk.framesPerChunk) << Page.shift)
      chunk = UInt32(record.next.loadRelaxed())
    }
    region.frameCount.storeRelaxed(UInt32(pages))
    region.firstFrameChunk.storeRelaxed(list)
  }
}

/// One open pagemap for all regions.
private final class SharedFrames: Sendable {
  let value: PageFrames

  init(_ value: consuming PageFrames) {
    self.value = value
  }
}
