import CWinsockDirect
import Pindown

/// A socket; all of it under the provider's lock.
final class LoopbackSocket {
  enum Phase {
    case created, bound, listening, connecting, connected, ended
  }

  /// A receive that waits for its message.
  struct Receive {
    var buffers: [UnsafeMutableRawBufferPointer]
    var overlapped: LPWSAOVERLAPPED
  }

  /// What a registering call gave.
  struct Registration {
    var range: AddressRange
    var access: MemoryAccess
    var region: RegionReference
  }

  let descriptor: SOCKET
  /// What the switch calls it.
  let handle: SOCKET
  var phase = Phase.created
  var port: UInt16 = 0
  weak var peer: LoopbackSocket?
  /// Those who want to be accepted, the first one first.
  var callers: [LoopbackSocket] = []

  var event: WSAEVENT?
  var selected: LONG = 0
  var recorded: LONG = 0
  var connectError: INT = 0

  var messages: [[UInt8]] = []
  var receives: [Receive] = []
  var registrations: [UInt: Registration] = [:]
  var exposed: [UInt64: Registration] = [:]

  init(descriptor: SOCKET, handle: SOCKET) {
    self.descriptor = descriptor
    self.handle = handle
  }

  /// The registration that covers local memory (spec C73).
  func registration(
    covering range: AddressRange, access: MemoryAccess
  ) throws(Failure) -> Registration {
    let found = registrations.values.first {
      $0.range.contains(range) && $0.access.isSuperset(of: access)
    }
    guard let found else { throw Failure(WSAEFAULT) }
    return found
  }
}
