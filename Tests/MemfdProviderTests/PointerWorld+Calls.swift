import CWinsockDirect
import Glibc
import MemfdProvider

// One call for each pointer, in which everything else is right. They answer as `failure` does.

extension PointerWorld {
  func call(_ pointer: CallerPointer, _ memory: UnsafeMutableRawPointer?) -> INT {
    switch pointer {
    case .socketInformation: makeSocket(memory)
    case .bindName, .connectName: callWithName(pointer, memory)
    case .acceptAddress: accept(memory, length)
    case .acceptLength: accept(room, memory)
    case .networkEvents:
      failure {
        provider.functions.lpWSPEnumNetworkEvents(
          listening.descriptor, event, memory?.assumingMemoryBound(to: WSANETWORKEVENTS.self), $0)
      }
    case .optionValue: option(memory, length)
    case .optionLength: option(room, memory)
    case .newOptionValue:
      failure {
        provider.functions.lpWSPSetSockOpt(
          fresh.descriptor, WSA_SOL_SOCKET, 1, memory?.assumingMemoryBound(to: CHAR.self), 4, $0)
      }
    case .extensionName: findExtension(memory, room, length)
    case .extensionFunction: findExtension(right(.extensionName, 0), memory, length)
    case .extensionByteCount: findExtension(right(.extensionName, 0), room, memory)
    case .addressList: control(DWORD(SIO_ADDRESS_LIST_QUERY), nil, memory, length)
    case .addressListByteCount: control(DWORD(SIO_ADDRESS_LIST_QUERY), nil, room, memory)
    case .duplicateInformation:
      failure {
        provider.functions.lpWSPDuplicateSocket(
          pair.near.descriptor, DWORD(getpid()),
          memory?.assumingMemoryBound(to: WSAPROTOCOL_INFOW.self), $0)
      }
    case .startData, .startUpcalls, .startFunctions: start(pointer, memory)
    case .exposedDescriptor: expose(memory, length)
    case .exposedLength: expose(room, memory)
    case .concealedDescriptor:
      failure { provider.deregisterRdmaMemory(pair.far.descriptor, memory, 32, $0) }
    default: transfer(pointer, memory)
    }
  }

  private func makeSocket(_ information: UnsafeMutableRawPointer?) -> INT {
    var error: INT = -1
    let made = provider.functions.lpWSPSocket(
      AF_INET, INT(SOCK_STREAM.rawValue), INT(IPPROTO_TCP),
      information?.assumingMemoryBound(to: WSAPROTOCOL_INFOW.self), 0, DWORD(WSA_FLAG_OVERLAPPED),
      &error)
    return made == INVALID_SOCKET ? error : TestSocket(provider, accepted: made).close()
  }

  private func callWithName(_ pointer: CallerPointer, _ memory: UnsafeMutableRawPointer?) -> INT {
    let name = UnsafePointer(memory?.assumingMemoryBound(to: sockaddr.self))
    if pointer == .bindName {
      return failure { provider.functions.lpWSPBind(fresh.descriptor, name, 16, $0) }
    }
    _ = fresh.select(event, FD_CONNECT)
    return failure {
      provider.functions.lpWSPConnect(fresh.descriptor, name, 16, nil, nil, nil, nil, $0)
    }
  }

  private func accept(
    _ address: UnsafeMutableRawPointer?, _ length: UnsafeMutableRawPointer?
  ) -> INT {
    var error: INT = -1
    let accepted = provider.functions.lpWSPAccept(
      listening.descriptor, address?.assumingMemoryBound(to: sockaddr.self),
      length?.assumingMemoryBound(to: INT.self), nil, 0, &error)
    return accepted == INVALID_SOCKET ? error : TestSocket(provider, accepted: accepted).close()
  }

  private func option(
    _ value: UnsafeMutableRawPointer?, _ length: UnsafeMutableRawPointer?
  ) -> INT {
    failure {
      provider.functions.lpWSPGetSockOpt(
        fresh.descriptor, WSA_SOL_SOCKET, SO_MAX_MSG_SIZE,
        value?.assumingMemoryBound(to: CHAR.self), length?.assumingMemoryBound(to: INT.self), $0)
    }
  }

  private func findExtension(
    _ name: UnsafeMutableRawPointer?, _ function: UnsafeMutableRawPointer?,
    _ byteCount: UnsafeMutableRawPointer?
  ) -> INT {
    control(DWORD(SIO_GET_EXTENSION_FUNCTION_POINTER), name, function, byteCount)
  }

  private func control(
    _ code: DWORD, _ input: UnsafeMutableRawPointer?, _ output: UnsafeMutableRawPointer?,
    _ byteCount: UnsafeMutableRawPointer?
  ) -> INT {
    failure {
      provider.functions.lpWSPIoctl(
        fresh.descriptor, code, input, 16, output, DWORD(Self.plenty),
        byteCount?.assumingMemoryBound(to: DWORD.self), nil, nil, nil, $0)
    }
  }

  private func expose(
    _ descriptor: UnsafeMutableRawPointer?, _ length: UnsafeMutableRawPointer?
  ) -> INT {
    failure {
      provider.registerRdmaMemory(
        pair.near.descriptor, local.base, DWORD(local.length), DWORD(MEM_READWRITE), descriptor,
        length?.assumingMemoryBound(to: DWORD.self), $0)
    }
  }

  /// Starts a started provider once more.
  private func start(_ pointer: CallerPointer, _ memory: UnsafeMutableRawPointer?) -> INT {
    let data = pointer == .startData ? memory : right(.startData, 0)
    let upcalls = pointer == .startUpcalls ? memory : right(.startUpcalls, 1)
    let functions = pointer == .startFunctions ? memory : right(.startFunctions, 2)
    let answer = WSPStartupEx(
      0x0202, data?.assumingMemoryBound(to: WSPDATA.self), nil,
      upcalls?.assumingMemoryBound(to: WSPUPCALLTABLEEX.self),
      functions?.assumingMemoryBound(to: WSPPROC_TABLE.self))
    return answer == 0 ? failure { provider.functions.lpWSPCleanup($0) } : answer
  }
}
