import CWinsockDirect
import Testing
import VirtualMemory

@testable import SocketsSwitch

extension SwitchTests {
  /// Goal: addresses find their provider, and requests find their way through the interface and back.
  /// Method: a provider in C whose answers are fixed.
  @Suite struct ConnectionTests {
    @Test func addresses() {
      #expect(IPv4Address("10.77.0.1")?.rawValue == 0x0A4D_0001)
      #expect(IPv4Address("10.77.0.1")?.description == "10.77.0.1")
      for bad in [
        "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-4", "1.2.3.+4", "a.b.c.d", "1..2.3",
      ] {
        #expect(IPv4Address(bad) == nil)
      }
    }

    @Test func anAddressOfNoAdapter() throws {
      let provider = try TestProvider("ADDRESSES=0x0A630101")
      let network = try SocketsSwitch.start(providers: [provider.path], monitors: [])
      let foreign = SocketAddress(IPv4Address("10.98.0.1")!, port: 9)
      #expect(throws: SwitchError.noAdapter(foreign.address)) {
        try network.connect(to: foreign, within: .seconds(1))
      }
      #expect(throws: SwitchError.noAdapter(foreign.address)) { try network.listen(at: foreign) }
      // In the adapter's subnet, but not its own: reachable, but nothing can listen there.
      let neighbour = SocketAddress(IPv4Address("10.99.1.7")!, port: 9)
      #expect(throws: SwitchError.noAdapter(neighbour.address)) {
        try network.listen(at: neighbour)
      }
      #expect(try network.connect(to: neighbour, within: .seconds(1)).peer == neighbour)
    }

    @Test func aRefusalIsToldByItsNumber() throws {
      let provider = try TestProvider("ADDRESSES=0x0A630101")
      let network = try SocketsSwitch.start(providers: [provider.path], monitors: [])
      let refusing = SocketAddress(IPv4Address("10.99.1.1")!, port: 1)
      #expect(throws: SwitchError.refused(operation: .connect, code: WSAECONNREFUSED)) {
        try network.connect(to: refusing, within: .seconds(1))
      }
    }

    @Test func transfers() throws {
      let provider = try TestProvider("ADDRESSES=0x0A630101")
      let network = try SocketsSwitch.start(providers: [provider.path], monitors: [])
      let there = SocketAddress(IPv4Address("10.99.1.1")!, port: 9)
      let socket = try network.connect(to: there, within: .seconds(1))
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 8)
      defer { memory.deallocate() }

      let exposed = try socket.registerRDMAMemory(memory, access: .write)
      #expect(exposed.descriptor == RDMADescriptor(bytes: [UInt8](repeating: 7, count: 24)))
      let registration = try socket.registerMemory(memory, access: .read)
      let parts = [
        registration.segment(at: 0, length: 10), registration.segment(at: 50, length: 20),
      ]
      // Completed by the upcall; the provider says how many bytes it was given.
      let write = try socket.startRDMAWrite(from: parts, to: exposed.descriptor)
      #expect(try write.wait(within: .seconds(1)) == 30)
      // Completed at once.
      let send = try socket.startSend(UnsafeRawBufferPointer(rebasing: memory[..<40]))
      #expect(send.isComplete)
      #expect(try send.wait(within: .zero) == 40)
      // This provider cannot read.
      #expect(!socket.canRead)
      #expect(throws: SwitchError.refused(operation: .rdmaRead, code: WSAEOPNOTSUPP)) {
        try socket.startRDMARead(into: parts, from: exposed.descriptor)
      }
      try registration.deregister()
      try exposed.deregister()
      socket.close()
      #expect(throws: SwitchError.closed) { try socket.startSend(UnsafeRawBufferPointer(memory)) }
      network.stop()
    }

    @Test func aTransferThatDoesNotComplete() throws {
      let provider = try TestProvider("ADDRESSES=0x0A630101")
      let network = try SocketsSwitch.start(providers: [provider.path], monitors: [])
      let there = SocketAddress(IPv4Address("10.99.1.1")!, port: 9)
      let socket = try network.connect(to: there, within: .seconds(1))
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 8)
      defer { memory.deallocate() }
      let transfer = try socket.startReceive(into: memory)
      #expect(throws: SwitchError.timedOut(operation: .receive)) {
        try transfer.wait(within: .milliseconds(10))
      }
      var error: Int32 = 0
      let handle = Upcalls.table.pointee.lpWPUCreateSocketHandle(0, 0, &error)
      #expect(provider.complete(handle, status: 0, count: 5) == 0)
      #expect(try transfer.wait(within: .seconds(1)) == 5)
    }

    @Test func nobodyConnects() throws {
      let provider = try TestProvider("ADDRESSES=0x0A630101")
      let network = try SocketsSwitch.start(providers: [provider.path], monitors: [])
      let listener = try network.listen(at: SocketAddress(IPv4Address("10.99.1.1")!, port: 0))
      #expect(listener.address.port != 0)
      #expect(throws: SwitchError.timedOut(operation: .accept)) {
        try listener.accept(within: .milliseconds(10))
      }
      listener.close()
      #expect(throws: SwitchError.closed) { try listener.accept(within: .seconds(1)) }
    }
  }
}
