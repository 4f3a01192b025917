import CPindown
import VirtualMemory

// The C interface, second part: memory from memfds.

/// The segments of the C interface, by their base address.
private final class Segments: Sendable {
  /// A segment that lives until the box goes.
  private final class Box: Sendable {
    let segment: MemfdSegment
    init(byteCount: UInt) throws(VirtualMemoryError) {
      segment = try MemfdSegment(byteCount: byteCount)
    }
  }

  static let shared = Segments()
  private let boxes = Lock<[UnsafeMutableRawPointer: Box]>([:])

  func make(byteCount: UInt) throws(VirtualMemoryError) -> UnsafeMutableRawPointer {
    let box = try Box(byteCount: byteCount)
    boxes.withLock { $0[box.segment.baseAddress] = box }
    return box.segment.baseAddress
  }

  /// The box goes outside of the lock: its end is a mapping change.
  func free(_ base: UnsafeMutableRawPointer) -> Bool {
    let box = boxes.withLock { $0.removeValue(forKey: base) }
    return box != nil
  }
}

@c @implementation
public func pindown_allocate(_ length: Int) -> UnsafeMutableRawPointer! {
  ErrorText.noting(nil) {
    guard length > 0 else { throw CallerError.badLength }
    return try Segments.shared.make(byteCount: UInt(length))
  }
}

@c @implementation
public func pindown_free(_ memory: UnsafeMutableRawPointer!) -> Int32 {
  ErrorText.noting(-1) {
    guard let memory else { throw CallerError.noBuffer }
    guard Segments.shared.free(memory) else { throw CallerError.notAllocated }
    return 0
  }
}
