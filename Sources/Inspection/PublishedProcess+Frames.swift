import VirtualMemory

extension PublishedProcess {
  /// The page frames that a region was pinned with, first page first; nil where the process
  /// published none, or where the region has changed since the snapshot.
  package func frames(of region: RegionSnapshot) -> [UInt64]? {
    precondition(region.index >= 0 && region.index < Layout.maximumRegions, "no such region")
    guard region.firstFrameChunk != 0 else { return nil }
    let count = min(Int(region.frameCount), Int(region.range.pageCount))
    var frames: [UInt64] = []
    frames.reserveCapacity(count)
    var next = UInt64(region.firstFrameChunk)
    // Every step adds frames, so a list that runs in a circle ends as well.
    while frames.count < count {
      guard next >= 1, next <= UInt64(Layout.maximumFrameChunks) else { return nil }
      let offset = Layout.framesOffset + Int(next - 1) * FrameChunk.stride
      let chunk = FrameChunk(base: base + offset)
      for index in 0..<min(FrameChunk.framesPerChunk, count - frames.count) {
        frames.append(chunk.frame(index).loadAcquiring())
      }
      next = chunk.next.loadAcquiring()
    }
    let record = RegionRecord(
      base: base + (Layout.regionsOffset + region.index * RegionRecord.stride))
    let now = RegionSnapshot(record, index: region.index)
    guard let now, now.generation == region.generation, now.state == region.state else {
      return nil
    }
    return frames
  }
}
