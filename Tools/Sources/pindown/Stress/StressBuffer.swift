import Glibc
import Pindown

/// A buffer that is lost and found again in the ways that applications have.
final class StressBuffer {
  /// Where the memory comes from.
  enum Kind: CaseIterable {
    case heap, privateMapping, sharedMapping, segment
  }

  let kind: Kind
  let number: UInt16
  private(set) var generation: UInt32 = 0
  private var base: UnsafeMutableRawPointer
  private let byteCount: Int
  private var segment: MemfdSegment?

  init(_ kind: Kind, number: UInt16, byteCount: Int) throws {
    self.kind = kind
    self.number = number
    self.byteCount = byteCount
    switch kind {
    case .heap: base = try StressMemory.allocate(byteCount)
    case .privateMapping, .sharedMapping:
      base = try StressMemory.map(byteCount, isShared: kind == .sharedMapping)
    case .segment:
      let segment = try MemfdSegment(byteCount: UInt(byteCount))
      base = segment.baseAddress
      self.segment = consume segment
    }
  }

  deinit {
    switch kind {
    case .heap: free(base)
    case .privateMapping, .sharedMapping: munmap(base, byteCount)
    case .segment: break
    }
  }

  var memory: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: base, count: byteCount)
  }

  /// Fills the buffer with content that it never had.
  func fill() -> StressPattern {
    generation += 1
    let pattern = StressPattern(buffer: number, generation: generation)
    pattern.fill(memory)
    return pattern
  }

  /// Loses the memory in one of the ways, and has other memory afterwards, as a rule at the same
  /// address; or, as often, leaves it alone.
  func churn(_ random: inout RandomNumbers) throws {
    if Bool.random(using: &random) { return }
    switch kind {
    case .heap:
      free(base)
      base = try StressMemory.allocate(byteCount)
    case .privateMapping, .sharedMapping:
      base = try churnMapping(&random)
    case .segment:
      segment = nil
      let fresh = try MemfdSegment(byteCount: UInt(byteCount))
      base = fresh.baseAddress
      segment = consume fresh
    }
  }

  private func churnMapping(_ random: inout RandomNumbers) throws -> UnsafeMutableRawPointer {
    let isShared = kind == .sharedMapping
    switch UInt8.random(in: 0..<6, using: &random) {
    case 0:
      munmap(base, byteCount)
      return try StressMemory.map(byteCount, isShared: isShared, at: base)
    case 1: try StressMemory.replace(byteCount, isShared: isShared, at: base)
    case 2: return try StressMemory.moveAway(byteCount, isShared: isShared, at: base)
    case 3: return try StressMemory.replaceHalf(byteCount, isShared: isShared, at: base)
    case 4: madvise(base, byteCount, isShared ? MADV_REMOVE : MADV_DONTNEED)
    default:
      mprotect(base, byteCount, PROT_NONE)
      mprotect(base, byteCount, PROT_READ | PROT_WRITE)
    }
    return base
  }
}
