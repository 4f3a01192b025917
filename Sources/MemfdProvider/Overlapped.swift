import CWinsockDirect
import VirtualMemory

/// The structure through which a request's end is seen (spec 2.2, 5.5).
///
/// From the call that starts the request it belongs to the provider and has to stay where it is,
/// writable, until the request has ended.
struct Overlapped {
  private let structure: LPWSAOVERLAPPED

  init(_ structure: LPWSAOVERLAPPED) {
    self.structure = structure
  }

  /// The word that another thread may be looking at.
  private var `internal`: SharedWord { SharedWord(UnsafeMutableRawPointer(structure)) }

  /// Whether the low bit of the event says that nobody is to be notified.
  static func isPolled(_ structure: WSAOVERLAPPED) -> Bool {
    UInt(bitPattern: structure.hEvent) & 1 != 0
  }

  /// Whether a structure can be at the address: its words are read and written as one.
  static func isAligned(_ structure: LPWSAOVERLAPPED) -> Bool {
    UInt(bitPattern: structure) % UInt(MemoryLayout<WSAOVERLAPPED>.alignment) == 0
  }

  /// Marks the request as begun; before it is posted, for it may end before that returns.
  func begin() {
    structure.pointee.InternalHigh = 0
    structure.pointee.Offset = 0
    structure.pointee.OffsetHigh = 0
    `internal`.storeReleasing(UInt64(WSS_OPERATION_IN_PROGRESS))
  }

  /// Takes the mark away from a request that did not begin.
  func abandon(error: INT) {
    `internal`.storeReleasing(UInt64(UInt32(bitPattern: error)))
  }

  var isPending: Bool { `internal`.loadAcquiring() == UInt64(WSS_OPERATION_IN_PROGRESS) }

  /// Ends a request that is polled for: the count is there before the request counts as ended
  /// (C65).
  func finish(error: INT, byteCount: DWORD) {
    structure.pointee.OffsetHigh = DWORD(bitPattern: error)
    structure.pointee.Offset = 0
    structure.pointee.InternalHigh = ULONG_PTR(byteCount)
    `internal`.storeReleasing(UInt64(UInt32(bitPattern: error)))
  }

  /// How an ended request ended.
  var outcome: (error: INT, byteCount: DWORD, flags: DWORD) {
    (
      INT(bitPattern: structure.pointee.OffsetHigh),
      DWORD(truncatingIfNeeded: structure.pointee.InternalHigh), structure.pointee.Offset
    )
  }
}

/// WSPGetOverlappedResult (C63). Waiting is the switch's business: it waits for the event of the
/// structure, which is opaque here, so `fWait` for a pending request is refused.
///
/// It is asked again and again, so its pointers are followed as they are, without the kernel's help:
/// NULL is a WSAEFAULT, as a structure that is not aligned is; anything else must be memory.
func getOverlappedResult(
  _ s: SOCKET, _ lpOverlapped: LPWSAOVERLAPPED?, _ lpcbTransfer: LPDWORD?, _ fWait: BOOL,
  _ lpdwFlags: LPDWORD?, _ lpErrno: LPINT?
) -> BOOL {
  answer(lpErrno, failure: FALSE) { () throws(SocketsError) in
    _ = try Provider.started().sockets.socket(s)
    guard let lpOverlapped, let lpcbTransfer, let lpdwFlags else { throw .fault }
    if !Overlapped.isAligned(lpOverlapped) { throw .fault }
    let overlapped = Overlapped(lpOverlapped)
    if overlapped.isPending {
      throw fWait == FALSE ? SocketsError(WSA_IO_INCOMPLETE) : .invalid
    }
    let outcome = overlapped.outcome
    lpdwFlags.pointee = outcome.flags
    if outcome.error != 0 { throw SocketsError(outcome.error) }
    lpcbTransfer.pointee = outcome.byteCount
    return TRUE
  }
}
