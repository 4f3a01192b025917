import CWinsockDirect
import Glibc

/// The pointers that the functions of the provider follow, with the kernel's help.
enum CallerPointer: CaseIterable {
  case socketInformation
  case bindName
  case connectName
  case acceptAddress, acceptLength
  case networkEvents
  case optionValue, optionLength, newOptionValue
  case extensionName, extensionFunction, extensionByteCount
  case addressList, addressListByteCount
  case duplicateInformation
  case sendBuffers, sendOverlapped
  case receiveBuffers, receiveFlags, receiveOverlapped
  case writeBuffers, writeDescriptor, writeOverlapped
  case readBuffers, readDescriptor, readOverlapped
  case exposedDescriptor, exposedLength
  case concealedDescriptor
  case startData, startUpcalls, startFunctions

  /// Whether the function writes there; the overlapped structure is the provider's to write.
  var isOutput: Bool {
    switch self {
    case .acceptAddress, .acceptLength, .networkEvents, .optionValue, .optionLength,
      .extensionFunction, .extensionByteCount, .addressList, .addressListByteCount,
      .duplicateInformation, .exposedDescriptor, .exposedLength, .startData, .startFunctions:
      true
    default: false
    }
  }

  /// Where NULL is a choice, not a mistake.
  var mayBeNull: Bool {
    switch self {
    case .socketInformation, .acceptAddress, .addressList: true
    default: false
    }
  }

  var byteCount: Int {
    switch self {
    case .socketInformation, .duplicateInformation: MemoryLayout<WSAPROTOCOL_INFOW>.size
    case .bindName, .connectName, .acceptAddress: MemoryLayout<sockaddr_in>.size
    case .networkEvents: MemoryLayout<WSANETWORKEVENTS>.size
    case .acceptLength, .optionValue, .optionLength, .newOptionValue, .extensionByteCount,
      .addressListByteCount, .receiveFlags, .exposedLength:
      4
    case .extensionName: MemoryLayout<GUID>.size
    case .extensionFunction: 8
    case .addressList: 8 + 2 * 16 + 2 * 16
    case .sendBuffers, .receiveBuffers: MemoryLayout<WSABUF>.size
    case .writeBuffers, .readBuffers: MemoryLayout<WSABUFEX>.size
    case .sendOverlapped, .receiveOverlapped, .writeOverlapped, .readOverlapped:
      MemoryLayout<WSAOVERLAPPED>.size
    case .writeDescriptor, .readDescriptor, .exposedDescriptor, .concealedDescriptor: 32
    case .startData: MemoryLayout<WSPDATA>.size
    case .startUpcalls: MemoryLayout<WSPUPCALLTABLEEX>.size
    case .startFunctions: MemoryLayout<WSPPROC_TABLE>.size
    }
  }

  /// What the call answers where the pointer is wrong.
  func failure(_ place: BadPlace) -> INT {
    switch self {
    case .writeDescriptor, .readDescriptor, .concealedDescriptor: WSAEINVAL
    case .sendOverlapped, .receiveOverlapped, .writeOverlapped, .readOverlapped:
      place == .null ? WSAEINVAL : WSAEFAULT
    default: WSAEFAULT
    }
  }

  /// What it answers where everything is right.
  var success: INT {
    switch self {
    case .connectName: WSAEWOULDBLOCK
    case .sendBuffers, .sendOverlapped, .receiveBuffers, .receiveFlags, .receiveOverlapped,
      .writeBuffers, .writeDescriptor, .writeOverlapped, .readBuffers, .readDescriptor,
      .readOverlapped:
      WSA_IO_PENDING
    default: 0
    }
  }
}
