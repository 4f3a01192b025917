import CWinsockDirect
import MemfdNIC

/// What was in the memory that `TransferArguments` names, beside the array.
struct TransferValues {
  /// 0 where the function has none.
  let flags: DWORD
  /// `noDescriptor` where the function has none.
  let descriptor: RemoteDescriptor
  /// Whether nobody is to be notified of the request's end.
  let isPolled: Bool

  static var noDescriptor: RemoteDescriptor {
    RemoteDescriptor(
      slot: 0, nonce: 0, access: 0, isMapped: false, length: 0, connection: 0)
  }
}
