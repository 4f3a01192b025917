import CWinsockDirect
import Glibc
import Testing

extension ProviderTests {
  struct IoctlTests {
    private func extensionQuery(
      _ provider: StartedProvider, _ guid: GUID, inputBytes: DWORD = 16, outputBytes: DWORD = 8
    ) -> INT {
      var guid = guid
      var pointer: UInt = 0
      var byteCount: DWORD = 0
      return failure {
        provider.functions.lpWSPIoctl(
          INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, inputBytes, &pointer,
          outputBytes, &byteCount, nil, nil, nil, $0)
      }
    }

    @Test("C12, C15, C16: starting asks for all seven functions with an invalid socket")
    func extensionFunctions() throws {
      try StartedProvider.run { provider in
        #expect(failure { provider.deregisterMemory(INVALID_SOCKET, nil, $0) } == WSAENOTSOCK)
        #expect(failure { provider.cacheCallback(nil, 4096, $0) } == WSAEINVAL)
      }
    }

    @Test("C14: an unknown GUID is invalid, and buffers that are too small are a fault")
    func badExtensionQueries() throws {
      try StartedProvider.run { provider in
        var other = WSAID_RDMAREAD
        other.Data1 += 1
        #expect(extensionQuery(provider, other) == WSAEINVAL)
        #expect(extensionQuery(provider, WSAID_RDMAREAD, inputBytes: 15) == WSAEFAULT)
        #expect(extensionQuery(provider, WSAID_RDMAREAD, outputBytes: 7) == WSAEFAULT)
      }
    }

    @Test("C17: the addresses of the adapters, with the size where there is too little room")
    func addressList() throws {
      try StartedProvider.run { provider in
        let socket = try TestSocket(provider)
        var byteCount: DWORD = 0
        #expect(
          failure {
            provider.functions.lpWSPIoctl(
              socket.descriptor, DWORD(SIO_ADDRESS_LIST_QUERY), nil, 0, nil, 0, &byteCount, nil,
              nil, nil, $0)
          } == WSAEFAULT)
        #expect(byteCount == 8 + 2 * 16 + 2 * 16)
        let list = UnsafeMutableRawPointer.allocate(byteCount: Int(byteCount), alignment: 8)
        defer { list.deallocate() }
        let size = byteCount
        #expect(
          failure {
            provider.functions.lpWSPIoctl(
              socket.descriptor, DWORD(SIO_ADDRESS_LIST_QUERY), nil, 0, list, size, &byteCount,
              nil, nil, nil, $0)
          } == 0)
        #expect(list.load(as: INT.self) == 2)
        for (index, text) in StartedProvider.addresses.enumerated() {
          let entry = list.load(fromByteOffset: 8 + 16 * index, as: SOCKET_ADDRESS.self)
          #expect(entry.iSockaddrLength == 16)
          let name = UnsafeRawPointer(try #require(entry.lpSockaddr)).load(as: sockaddr_in.self)
          #expect(name.sin_addr.s_addr == address(text, 0).sin_addr.s_addr)
          #expect(name.sin_port == 0)
        }
      }
    }

    @Test("C18: there is no quality of service")
    func qualityOfService() throws {
      try StartedProvider.run { provider in
        let socket = try TestSocket(provider)
        var byteCount: DWORD = 0
        for code in [SIO_GET_QOS, SIO_GET_GROUP_QOS, SIO_SET_QOS, SIO_SET_GROUP_QOS] {
          let error = failure {
            provider.functions.lpWSPIoctl(
              socket.descriptor, code, nil, 0, nil, 0, &byteCount, nil, nil, nil, $0)
          }
          #expect(error == WSAEOPNOTSUPP)
        }
        var error: INT = 0
        #expect(provider.functions.lpWSPGetQOSByName(socket.descriptor, nil, nil, &error) == 0)
        #expect(error == WSAEOPNOTSUPP)
      }
    }

    @Test("C19: options have four bytes; short room, unknown options and levels are refused")
    func options() throws {
      try StartedProvider.run { provider in
        let socket = try TestSocket(provider)
        func get(_ level: INT, _ option: INT, room: INT = 4) -> (error: INT, value: INT, INT) {
          var value: INT = -1
          var length = room
          let error = withUnsafeMutableBytes(of: &value) { bytes in
            failure {
              provider.functions.lpWSPGetSockOpt(
                socket.descriptor, level, option,
                bytes.baseAddress?.assumingMemoryBound(to: CHAR.self), &length, $0)
            }
          }
          return (error, value, length)
        }
        for option in [SO_MAX_MSG_SIZE, SO_MAX_RDMA_SIZE, SO_RDMA_THRESHOLD_SIZE] {
          let (error, value, length) = get(WSA_SOL_SOCKET, option)
          #expect(error == 0 && value > 0 && length == 4)
          let short = get(WSA_SOL_SOCKET, option, room: 3)
          #expect(short.error == WSAEFAULT && short.value == -1 && short.2 == 4)
        }
        #expect(get(WSA_SOL_SOCKET, 0x1234).error == WSAENOPROTOOPT)
        #expect(get(6, SO_MAX_MSG_SIZE).error == WSAEINVAL)
      }
    }
  }
}
