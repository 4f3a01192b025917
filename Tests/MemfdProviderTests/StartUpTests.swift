import CWinsockDirect
import CWinsockDirectSources
import Glibc
import Inspection
import MemfdProvider
import Testing
import VirtualMemory

extension ProviderTests {
  struct StartUpTests {
    private func start(
      version: WORD = 0x0202, data: LPWSPDATA?, table: LPWSPPROC_TABLE?,
      upcalls: WSPUPCALLTABLEEX? = TestSwitch.upcalls
    ) -> INT {
      setenv("PINDOWN_NICS", StartedProvider.configuration, 1)
      var information = WSAPROTOCOL_INFOW()
      guard var upcalls else { return WSPStartupEx(version, data, &information, nil, table) }
      return WSPStartupEx(version, data, &information, &upcalls, table)
    }

    @Test("C06: version, description and the 17 functions; the others are NULL")
    func answers() throws {
      var data = WSPDATA()
      var table = WSPPROC_TABLE()
      #expect(start(data: &data, table: &table) == 0)
      defer { _ = failure { table.lpWSPCleanup($0) } }
      #expect(data.wVersion == 0x0202)
      let description = withUnsafeBytes(of: data.szDescription) { bytes in
        Array(bytes.bindMemory(to: WCHAR.self).prefix { $0 != 0 })
      }
      #expect((1...255).contains(description.count))
      let present = withUnsafeBytes(of: table) { bytes in
        bytes.bindMemory(to: UInt.self).enumerated().filter { $0.element != 0 }.map(\.offset)
      }
      #expect(present == [0, 3, 5, 6, 7, 8, 9, 10, 11, 14, 15, 16, 18, 19, 23, 26, 28])
    }

    @Test("C07: a version below 2.2 is not supported", arguments: [0x0001, 0x0101, 0x0102, 0x0002])
    func oldVersion(version: WORD) {
      var data = WSPDATA()
      var table = WSPPROC_TABLE()
      #expect(start(version: version, data: &data, table: &table) == WSAVERNOTSUPPORTED)
      #expect(table.lpWSPCleanup == nil)
    }

    @Test("C08: nowhere to answer to")
    func nullArguments() {
      var data = WSPDATA()
      var table = WSPPROC_TABLE()
      #expect(start(data: nil, table: &table) == WSAEFAULT)
      #expect(start(data: &data, table: nil) == WSAEFAULT)
      #expect(start(data: &data, table: &table, upcalls: nil) == WSAEFAULT)
      #expect(start(data: &data, table: &table, upcalls: WSPUPCALLTABLEEX()) == WSAEFAULT)
    }

    @Test("C09: as many cleanups as starts")
    func countedStarts() {
      var data = WSPDATA()
      var table = WSPPROC_TABLE()
      #expect(start(data: &data, table: &table) == 0)
      #expect(start(data: &data, table: &table) == 0)
      #expect(failure { table.lpWSPCleanup($0) } == 0)
      var error: INT = 0
      let socket = table.lpWSPSocket(AF_INET, 1, 6, nil, 0, 1, &error)
      #expect(socket != INVALID_SOCKET)
      #expect(failure { table.lpWSPCleanup($0) } == 0)
      #expect(failure { table.lpWSPCleanup($0) } == WSANOTINITIALISED)
      #expect(table.lpWSPSocket(AF_INET, 1, 6, nil, 0, 1, &error) == INVALID_SOCKET)
      #expect(error == WSANOTINITIALISED)
    }

    @Test("What the process may do is published")
    func abilities() throws {
      try StartedProvider.run { _ in
        var expected: UInt32 = 0
        if (try? PinTable()) != nil { expected |= AbilityBit.pins }
        if Abilities.current.seesPageFrames { expected |= AbilityBit.frames }
        let publication = try Publication.current()
        #expect(publication.header.abilities.load() == expected)
      }
    }

    /// What a start that is refused gives as its reason.
    private func reason(variable: String, _ text: String) -> String {
      let before = getenv(variable).map { String(cString: $0) }
      setenv(variable, text, 1)
      defer {
        if let before { setenv(variable, before, 1) } else { unsetenv(variable) }
      }
      var data = WSPDATA()
      var table = WSPPROC_TABLE()
      var information = WSAPROTOCOL_INFOW()
      var upcalls = TestSwitch.upcalls
      #expect(WSPStartupEx(0x0202, &data, &information, &upcalls, &table) == WSASYSNOTREADY)
      return withUnsafeBytes(of: data.szDescription) { bytes in
        String(decoding: bytes.bindMemory(to: WCHAR.self).prefix { $0 != 0 }, as: UTF16.self)
      }
    }

    @Test("A setting that makes no sense keeps the provider from starting, and is named")
    func badSettings() {
      setenv("PINDOWN_NICS", StartedProvider.configuration, 1)
      #expect(
        reason(variable: "PINDOWN_DMA", "sloppy")
          == "PINDOWN_DMA is 'fast' or 'strict', not 'sloppy'")
      #expect(
        reason(variable: "PINDOWN_NICS", "nonsense")
          == "PINDOWN_NICS: 'nonsense' is not name=address/prefix")
      #expect(
        reason(variable: "PINDOWN_NICS", "a=10.0.0.1/24,b=10.0.0.1/24")
          == "PINDOWN_NICS: the adapter address 10.0.0.1 is there twice")
    }

    @Test("Adapters that cannot be read keep the provider from starting")
    func badConfiguration() {
      var data = WSPDATA()
      var table = WSPPROC_TABLE()
      var information = WSAPROTOCOL_INFOW()
      var upcalls = TestSwitch.upcalls
      for text in ["nonsense", "a=10.0.0.1/24,b=10.0.0.1/24", "a=1.2.3.4/33"] {
        setenv("PINDOWN_NICS", text, 1)
        #expect(
          WSPStartupEx(0x0202, &data, &information, &upcalls, &table) == WSASYSNOTREADY)
      }
      #expect(start(data: &data, table: &table) == 0)
      #expect(failure { table.lpWSPCleanup($0) } == 0)
    }

    @Test("C10: the last cleanup ends what is pending, once each, as aborted")
    func cleanupAborts() throws {
      let request = TestRequest(polled: false)
      let polled = TestRequest()
      let memory = TestMemory(pages: 1)
      var handle = INVALID_SOCKET
      try StartedProvider.run { provider in
        let pair = try ConnectedPair(provider)
        handle = pair.near.handle
        _ = try pair.near.register(memory.base, memory.length).get()
        #expect(request.receive(pair.near, memory.base, 100) == WSA_IO_PENDING)
        #expect(polled.receive(pair.near, memory.base + 100, 100) == WSA_IO_PENDING)
      }
      let completions = TestSwitch.shared.completions(of: request.overlapped)
      #expect(completions.map(\.error) == [WSA_OPERATION_ABORTED])
      #expect(completions.map(\.byteCount) == [0])
      #expect(polled.overlapped.pointee.OffsetHigh == DWORD(WSA_OPERATION_ABORTED))
      #expect(TestSwitch.shared.calls(for: handle) == ["complete \(handle)", "close \(handle)"])
    }

    @Test("Decision 9: a child has no provider")
    func child() throws {
      try StartedProvider.run { provider in
        Self.functions = provider.functions
        Self.callback = provider.cacheCallback
        let status = CWinsockDirectSources_in_child {
          var error: INT = 0
          let socket = Self.functions.lpWSPSocket(AF_INET, 1, 6, nil, 0, 1, &error)
          if socket != INVALID_SOCKET || error != WSANOTINITIALISED { return 1 }
          if Self.functions.lpWSPCleanup(&error) != SOCKET_ERROR { return 2 }
          error = 0
          if Self.callback?(nil, 4096, &error) != SOCKET_ERROR { return 3 }
          return error == WSANOTINITIALISED ? 0 : 4
        }
        #expect(status == 0)
        _ = try TestSocket(provider)
      }
    }
    nonisolated(unsafe) private static var functions = WSPPROC_TABLE()
    nonisolated(unsafe) private static var callback: LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK?
  }
}
