// Hook context: what is here may run inside malloc. No allocation, no lock but the hook-safe ones,
// nothing that is used for the first time.

import CWinsockDirect
import RegistrationCache
import VirtualMemory

/// WSPMemoryRegistrationCacheCallback (C52-C58): the mapping of the range is about to change.
///
/// Answers 0 where something of the provider's was there and is gone, WSAEINVAL where nothing was,
/// WSAEFAULT where it could not be released in time.
func memoryRegistrationCacheCallback(
  _ lpvAddress: LPVOID?, _ Size: SIZE_T, _ lpErrno: LPINT?
) -> INT {
  guard let provider = ProcessState.provider else {
    lpErrno?.pointee = WSANOTINITIALISED
    return SOCKET_ERROR
  }
  guard
    let range = AddressRange(start: UInt(bitPattern: lpvAddress), length: UInt(bitPattern: Size))
  else {
    lpErrno?.pointee = WSAEINVAL
    return SOCKET_ERROR
  }
  switch provider.cache.invalidate(range) {
  case .invalidated:
    lpErrno?.pointee = 0
    return 0
  case .notCached: lpErrno?.pointee = WSAEINVAL
  case .failed: lpErrno?.pointee = WSAEFAULT
  }
  return SOCKET_ERROR
}
