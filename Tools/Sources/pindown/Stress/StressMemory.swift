import CTools
import Glibc

/// The system calls of the stress tool's buffers. A range that another thread took meanwhile is no
/// failure: the buffer then lives elsewhere.
enum StressMemory {
  static func allocate(_ byteCount: Int) throws -> UnsafeMutableRawPointer {
    guard let memory = malloc(byteCount) else { throw ToolError("malloc", errno: errno) }
    return memory
  }

  /// Maps memory at `address` where that is free, else anywhere.
  static func map(
    _ byteCount: Int, isShared: Bool, at address: UnsafeMutableRawPointer? = nil
  ) throws -> UnsafeMutableRawPointer {
    if let address, let memory = attempt(byteCount, isShared, address, MAP_FIXED_NOREPLACE) {
      // Before Linux 4.17 the flag is only a hint.
      if memory == address { return memory }
      munmap(memory, byteCount)
    }
    guard let memory = attempt(byteCount, isShared, nil, 0) else {
      throw ToolError("mmap", errno: errno)
    }
    return memory
  }

  /// Maps memory over what is at `address`.
  static func replace(
    _ byteCount: Int, isShared: Bool, at address: UnsafeMutableRawPointer
  ) throws {
    guard attempt(byteCount, isShared, address, MAP_FIXED) != nil else {
      throw ToolError("mmap", errno: errno)
    }
  }

  private static func attempt(
    _ byteCount: Int, _ isShared: Bool, _ address: UnsafeMutableRawPointer?, _ flags: Int32
  ) -> UnsafeMutableRawPointer? {
    let visibility = isShared ? MAP_SHARED : MAP_PRIVATE
    let memory = mmap(
      address, byteCount, PROT_READ | PROT_WRITE, visibility | MAP_ANONYMOUS | flags, -1, 0)
    return memory == MAP_FAILED ? nil : memory
  }

  /// Moves the mapping at `address` away, and maps other memory there.
  static func moveAway(
    _ byteCount: Int, isShared: Bool, at address: UnsafeMutableRawPointer
  ) throws -> UnsafeMutableRawPointer {
    let target = try map(byteCount, isShared: isShared)
    let error = CTools_move_mapping(address, byteCount, target)
    // Two mappings side by side cannot be moved as one.
    if error != 0 { munmap(address, byteCount) }
    munmap(target, byteCount)
    return try map(byteCount, isShared: isShared, at: address)
  }

  /// Unmaps the second half of the mapping at `address`, and maps other memory there.
  static func replaceHalf(
    _ byteCount: Int, isShared: Bool, at address: UnsafeMutableRawPointer
  ) throws -> UnsafeMutableRawPointer {
    let kept = byteCount / 2
    munmap(address + kept, byteCount - kept)
    let half = try map(byteCount - kept, isShared: isShared, at: address + kept)
    if half == address + kept { return address }
    munmap(half, byteCount - kept)
    munmap(address, kept)
    return try map(byteCount, isShared: isShared)
  }
}
