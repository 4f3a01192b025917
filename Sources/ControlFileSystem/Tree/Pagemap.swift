import Glibc
import Inspection
import VirtualMemory

/// The page frames that are mapped in another process now, from `/proc/<pid>/pagemap`.
enum Pagemap {
  enum Frame: Hashable, Sendable {
    case present(UInt64)
    case absent
    /// A page is there; the kernel does not tell us which (no CAP_SYS_ADMIN).
    case hidden
  }

  /// One frame a page of the range, which is page-aligned.
  static func frames(
    _ range: AddressRange, of process: PublishedProcess
  ) throws(ControlError) -> [Frame] {
    let descriptor = Glibc.open("/proc/\(process.pid)/pagemap", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw errno == ENOENT ? .gone : ControlError(EACCES, "the kernel hides the page map")
    }
    defer { Glibc.close(descriptor) }
    let count = Int(range.pageCount)
    var words = [UInt64](repeating: 0, count: count)
    let wordBytes = MemoryLayout<UInt64>.size
    // What lies beyond the address space reads as nothing: absent.
    words.withUnsafeMutableBytes { bytes in
      var done = 0
      while done < count * wordBytes {
        let offset = Int(range.start >> Page.shift) * wordBytes + done
        let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
        let length = pread(descriptor, rest.baseAddress, rest.count, offset)
        if length < 0 && errno == EINTR { continue }
        if length <= 0 { break }
        done += length
      }
    }
    return words.map(frame)
  }

  /// An entry of the page map: bit 63 present, bits 0-54 the frame.
  private static func frame(_ word: UInt64) -> Frame {
    guard word >> 63 == 1 else { return .absent }
    let number = word & (1 << 55 - 1)
    return number == 0 ? .hidden : .present(number)
  }
}
