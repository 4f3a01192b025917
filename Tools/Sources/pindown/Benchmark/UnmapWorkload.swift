import Glibc

/// Calls that change mappings, none of them secured.
enum UnmapWorkload: String, CaseIterable {
  /// 64 KiB at a time off the end of a mapping that was never touched: the cheapest there is.
  case munmap = "unmap_munmap_ns"
  /// 64 KiB mapped and unmapped: both calls together.
  case mmapAndMunmap = "unmap_mmap_and_munmap_ns"
  /// A page between two secured ones.
  case between = "unmap_munmap_between_secured_ns"

  /// Calls, or pairs of calls, for each measurement.
  static let pieces = 100

  private static let pieceBytes = 65_536
  private static let pageBytes = 4096

  /// Nanoseconds for each call, or pair of calls. `thread` is 0 or 1.
  func run(_ field: SecuredField, thread: Int) -> Double {
    let total =
      switch self {
      case .munmap: Self.unmapPieces()
      case .mmapAndMunmap: Self.mapAndUnmap()
      case .between: Self.unmapBetween(field, from: thread * Self.pieces)
      }
    return total / Double(Self.pieces)
  }

  private static func map(
    _ length: Int, at address: UnsafeMutableRawPointer? = nil, _ protection: Int32
  ) -> UnsafeMutableRawPointer {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (address == nil ? 0 : MAP_FIXED)
    guard let memory = mmap(address, length, protection, flags, -1, 0), memory != MAP_FAILED else {
      preconditionFailure("no address space")
    }
    return memory
  }

  private static func unmapPieces() -> Double {
    let memory = map(pieces * pieceBytes, PROT_READ | PROT_WRITE)
    return Stopwatch.processorTime {
      for piece in stride(from: pieces - 1, through: 0, by: -1) {
        Glibc.munmap(memory + piece * pieceBytes, pieceBytes)
      }
    }
  }

  private static func mapAndUnmap() -> Double {
    Stopwatch.processorTime {
      for _ in 0..<pieces { Glibc.munmap(map(pieceBytes, PROT_READ | PROT_WRITE), pieceBytes) }
    }
  }

  private static func unmapBetween(_ field: SecuredField, from first: Int) -> Double {
    let gaps = field.base + first * field.distance + field.bytes
    let time = Stopwatch.processorTime {
      for piece in 0..<pieces { Glibc.munmap(gaps + piece * field.distance, pageBytes) }
    }
    for piece in 0..<pieces {
      _ = map(pageBytes, at: gaps + piece * field.distance, PROT_NONE)
    }
    return time
  }
}
