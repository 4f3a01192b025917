package import VirtualMemory

/// Page frames of a region, as they were when it was pinned; chunks form a list.
package struct FrameChunk: Record, @unchecked Sendable {
  @inlinable package static var stride: Int { 512 }
  package static let framesPerChunk = 63
  package let base: UnsafeMutableRawPointer
  @inlinable package init(base: UnsafeMutableRawPointer) { self.base = base }

  /// 1 + the index of the next chunk, 0 at the end.
  package var next: SharedWord { word(0) }
  package func frame(_ index: Int) -> SharedWord { word(8 + 8 * index) }
}
