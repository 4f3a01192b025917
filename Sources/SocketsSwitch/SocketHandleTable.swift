import CWinsockDirect
import VirtualMemory

/// The switch's own socket handles: what WPUCreateSocketHandle gives a provider for a socket, and
/// what the provider names the socket by in its upcalls.
///
/// A handle is a place in the table and the generation of that place, so a handle that was closed
/// stays unknown when its place is used again. Asking takes no lock and allocates nothing.
struct SocketHandleTable: @unchecked Sendable {
  static let shared = SocketHandleTable()

  private static let stride = 16
  private static let generationShift: UInt64 = 24
  private let base: UnsafeMutableRawPointer
  private let free: Lock<[Int]>

  private init() {
    let bytes = Limits.maximumSocketHandles * Self.stride
    base = .allocate(byteCount: bytes, alignment: 16)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    free = Lock(Array((0..<Limits.maximumSocketHandles).reversed()))
  }

  /// Bit 0: in use; above: the generation, which a close raises.
  private func state(_ index: Int) -> SharedWord { SharedWord(base + index * Self.stride) }
  private func context(_ index: Int) -> SharedWord { SharedWord(base + index * Self.stride + 8) }

  /// A handle for a provider's socket, or nil where there are too many.
  func make(context value: DWORD_PTR) -> SOCKET? {
    free.withLock { free in
      guard let index = free.popLast() else { return nil }
      context(index).store(UInt64(value))
      let generation = state(index).load() >> 1
      state(index).store((generation << 1) | 1)
      // 1 + index, so that no handle is zero.
      return SOCKET((generation << Self.generationShift) | UInt64(index + 1))
    }
  }

  /// What the provider said when it asked for the handle; nil for a handle that is not one.
  func context(of handle: SOCKET) -> DWORD_PTR? {
    guard let index = index(of: handle) else { return nil }
    return DWORD_PTR(context(index).load())
  }

  /// Ends a handle; false where there is none.
  func close(_ handle: SOCKET) -> Bool {
    guard let index = index(of: handle) else { return false }
    let word = Self.freeState(handle)
    guard state(index).compareExchange(expected: word | 1, desired: word + 2).exchanged else {
      return false
    }
    free.withLock { $0.append(index) }
    return true
  }

  /// The state of a handle's place with the handle's generation, not in use.
  private static func freeState(_ handle: SOCKET) -> UInt64 {
    (UInt64(handle) >> generationShift) << 1
  }

  private func index(of handle: SOCKET) -> Int? {
    let index = Int(handle & (1 << Self.generationShift - 1)) - 1
    guard index >= 0, index < Limits.maximumSocketHandles,
      state(index).load() == Self.freeState(handle) | 1
    else { return nil }
    return index
  }
}
