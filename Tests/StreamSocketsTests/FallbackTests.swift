import CWinsockDirect
import Glibc
import SocketsSwitch
import TestSupport
import Testing

@testable import StreamSockets

extension StreamTests {
  /// Goal: three errors of WSPConnect are final, and TCP/IP takes over after any other (spec section
  /// 5.3). Method: a provider whose WSPConnect fails with one error, and a listener at the same
  /// address that TCP/IP would find.
  @Suite struct FallbackTests {
    private func connect(failing code: Int32) throws -> (StreamTransport?, StreamError?, Int32) {
      let compiler = try TestCompiler()
      // 127.99.5.1
      let path = try compiler.compile(
        "Tests/Providers/minimal_provider.c", into: "libfailing.so",
        [
          "-DCONNECT=\(code)", "-DADDRESSES=0x7F630501", "-shared", "-fPIC",
          "-I\(compiler.source("Sources/CWinsockDirect/include"))",
        ])
      let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)
      defer { dlclose(handle!) }
      let connects = unsafeBitCast(
        dlsym(handle, "minimal_connects"), to: (@convention(c) () -> Int32).self)
      let network = try SocketsSwitch.start(providers: [path], monitors: [])
      defer { network.stop() }
      let other = try SocketsSwitch.start(providers: [], monitors: [])
      let place = SocketAddress(IPv4Address("127.99.5.1")!, port: 0)
      let listener = try StreamListener(at: place, through: other)
      do throws(StreamError) {
        let socket = try StreamSocket.connect(
          to: listener.address, through: network, within: .seconds(5))
        let far = try? listener.accept(within: .seconds(5))
        #expect(far != nil)
        return (socket.transport, nil, connects())
      } catch {
        #expect(throws: StreamError.timedOut(byteCount: 0)) {
          try listener.accept(within: .zero)
        }
        return (nil, error, connects())
      }
    }

    @Test(arguments: [
      (WSAECONNRESET, StreamError.connectionRefused), (WSAECONNREFUSED, .connectionRefused),
      (WSAEHOSTUNREACH, .hostUnreachable),
    ])
    func final(code: Int32, error: StreamError) throws {
      let outcome = try connect(failing: code)
      #expect(outcome.0 == nil && outcome.1 == error && outcome.2 == 1)
    }

    @Test(arguments: [
      WSAETIMEDOUT, WSAEADDRNOTAVAIL, WSAENETUNREACH, WSAENOBUFS, WSAENETDOWN, WSAEACCES,
      WSAECONNABORTED, WSAEADDRINUSE,
    ])
    func anythingElse(code: Int32) throws {
      let outcome = try connect(failing: code)
      #expect(outcome.0 == .tcp && outcome.1 == nil && outcome.2 == 1)
    }

    /// The memfd provider knows for certain that nobody listens at one of its own addresses.
    @Test func nobodyListens() throws {
      try TestNetwork.run { network in
        let there = SocketAddress(TestNetwork.address, port: 9)
        #expect(throws: StreamError.connectionRefused) {
          try StreamSocket.connect(to: there, through: network, within: .seconds(5))
        }
        // TCP/IP says the same by itself.
        let elsewhere = SocketAddress(IPv4Address("127.0.0.1")!, port: 9)
        #expect(throws: StreamError.connectionRefused) {
          try StreamSocket.connect(to: elsewhere, through: network, within: .seconds(5))
        }
      }
    }
  }
}
