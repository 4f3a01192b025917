import CWinsockDirect
import CWinsockDirectSources
import Testing

/// The headers in all the languages that use them. Layouts and values are held by static assertions
/// in the module itself (C01 to C04).
struct HeaderTests {
  private static let names: [UInt32] = [
    WSAID_REGISTERMEMORY.Data1, WSAID_DEREGISTERMEMORY.Data1, WSAID_REGISTERRDMAMEMORY.Data1,
    WSAID_DEREGISTERRDMAMEMORY.Data1, WSAID_RDMAWRITE.Data1, WSAID_RDMAREAD.Data1,
    WSAID_MEMORYREGISTRATIONCACHECALLBACK.Data1,
  ]

  @Test("GUIDs are the same in Swift, C and C++, and those of the specification (3.1)")
  func guids() {
    #expect(
      Self.names == [
        0xC0B4_22F5, 0xC0B4_22F6, 0xC0B4_22F7, 0xC0B4_22F8, 0xC0B4_22F9, 0xC0B4_22FA, 0xE5DA_4AF8,
      ])
    for index in 0..<7 {
      #expect(CWinsockDirectSources_guid_in_c(Int32(index)) == Self.names[index])
      #expect(CWinsockDirectSources_guid_in_cpp(Int32(index)) == Self.names[index])
    }
    #expect(CWinsockDirectSources_guid_in_c(7) == 0)
  }

  @Test("The bytes of a GUID lie in memory as the specification lists them (3.1)")
  func guidImage() {
    let image = withUnsafeBytes(of: WSAID_REGISTERMEMORY) { Array($0) }
    #expect(
      image == [
        0xF5, 0x22, 0xB4, 0xC0, 0x8C, 0xF5, 0xD1, 0x11, 0xAD, 0x6C, 0x00, 0xC0, 0x4F, 0xA3, 0x4A,
        0x2D,
      ])
  }

  @Test("A provider's source compiles as C and as C++, next to the C library's socket headers")
  func sources() {
    #expect(CWinsockDirectSources_calls_in_c() == 1)
    #expect(CWinsockDirectSources_calls_in_cpp() == 1)
  }

  @Test("C01, C02: the tables have as many pointers as the specification says")
  func tables() {
    #expect(MemoryLayout<WSPPROC_TABLE>.size == 30 * 8)
    #expect(MemoryLayout<WSPUPCALLTABLE>.size == 15 * 8)
    #expect(MemoryLayout<WSPUPCALLTABLEEX>.size == 16 * 8)
    #expect(MemoryLayout<WSPDATA>.size == 516)
    #expect(MemoryLayout<WSAPROTOCOL_INFOW>.size == 628)
  }

  @Test("Constants that C writes with a cast reach Swift with their type")
  func constants() {
    #expect(INVALID_SOCKET == SOCKET.max)
    #expect(SOCKET_ERROR == -1)
    #expect(WSA_SOL_SOCKET == 0xFFFF)
  }
}
