import CPindown
import Glibc
import VirtualMemory

/// Copies between memory and the physical pages that a registration holds, not through the mapping
/// of the application: what a NIC does.
enum PageCopy {
  /// A pipe through which the kernel moves bytes to and from pinned pages.
  private struct Pipe {
    let readEnd: Int32
    let writeEnd: Int32
  }

  private static let pieceBytes = 1 << 16
  /// Pipes that no copy uses now; there are never more than copies at once.
  private static let idle = Lock<[Pipe]>([])

  static func write(
    _ bytes: UnsafeRawBufferPointer, to address: UInt, of pages: pindown_pages, pins: PinTable?
  ) -> Int32 {
    if let place = alias(of: pages, at: address) {
      place.copyMemory(from: bytes.baseAddress ?? UnsafeRawPointer(place), byteCount: bytes.count)
      return 0
    }
    guard let pins else { return -EINVAL }
    let pin = PinSlot(rawValue: pages.pin)
    return pieces(bytes.count) { pipe, done, piece in
      guard Glibc.write(pipe.writeEnd, bytes.baseAddress! + done, piece) == piece else {
        return false
      }
      return move(piece) {
        pins.fill(pin, at: address + UInt(done + $0), length: piece - $0, from: pipe.readEnd)
      }
    }
  }

  static func read(
    into bytes: UnsafeMutableRawBufferPointer, from address: UInt, of pages: pindown_pages,
    pins: PinTable?
  ) -> Int32 {
    if let place = alias(of: pages, at: address) {
      bytes.copyMemory(from: UnsafeRawBufferPointer(start: place, count: bytes.count))
      return 0
    }
    guard let pins else { return -EINVAL }
    let pin = PinSlot(rawValue: pages.pin)
    return pieces(bytes.count) { pipe, done, piece in
      var taken = 0
      while taken < piece {
        let moved = pins.drain(
          pin, at: address + UInt(done + taken), length: piece - taken, to: pipe.writeEnd)
        guard moved > 0,
          Glibc.read(pipe.readEnd, bytes.baseAddress! + done + taken, moved) == moved
        else { return false }
        taken += moved
      }
      return true
    }
  }

  private static func alias(
    of pages: pindown_pages, at address: UInt
  ) -> UnsafeMutableRawPointer? {
    if pages.segment == 0 { return nil }
    let use = SegmentUse(rawValue: pages.segment)
    return UnsafeMutableRawPointer(
      bitPattern: SegmentTable.shared.location(of: use, at: address).alias)
  }

  private static func move(_ count: Int, _ step: (_ done: Int) -> Int) -> Bool {
    var done = 0
    while done < count {
      let moved = step(done)
      if moved <= 0 { return false }
      done += moved
    }
    return true
  }

  private static func pieces(
    _ count: Int, _ copy: (_ pipe: Pipe, _ done: Int, _ piece: Int) -> Bool
  ) -> Int32 {
    if count == 0 { return 0 }
    guard let pipe = idle.withLock({ $0.popLast() }) ?? make() else { return -EMFILE }
    for done in stride(from: 0, to: count, by: pieceBytes) {
      guard copy(pipe, done, min(pieceBytes, count - done)) else {
        // Something may be left in it.
        close(pipe.readEnd)
        close(pipe.writeEnd)
        return -EIO
      }
    }
    idle.withLock { $0.append(pipe) }
    return 0
  }

  private static func make() -> Pipe? {
    var ends: [Int32] = [-1, -1]
    guard CPindown_pipe(&ends) == 0 else { return nil }
    return Pipe(readEnd: ends[0], writeEnd: ends[1])
  }
}
