import Glibc
import Testing

@testable import VirtualMemory

@Suite(.serialized) struct PinTableTests {
  private let length = 16 * Int(Page.size)

  private func map(at address: UnsafeMutableRawPointer? = nil) throws -> UnsafeMutableRawPointer {
    let fixed = address == nil ? 0 : MAP_FIXED
    let memory = mmap(
      address, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0)
    return try #require(memory == MAP_FAILED ? nil : memory)
  }

  private func range(_ memory: UnsafeMutableRawPointer) -> AddressRange {
    AddressRange(start: UInt(bitPattern: memory), end: UInt(bitPattern: memory) + UInt(length))
  }

  private func pinnedKilobytes() throws -> Int {
    let file = try #require(fopen("/proc/self/status", "r"))
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 256, file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
      if text.hasPrefix("VmPin:") {
        return try #require(Int(text.split { $0 == " " || $0 == "\t" }[1]))
      }
    }
    return -1
  }

  @Test func pinsAreCountedByTheKernelAndGivenBack() throws {
    let pins = try PinTable()
    let memory = try map()
    defer { munmap(memory, length) }
    let before = try pinnedKilobytes()
    let slot = try pins.pin(range(memory))
    #expect(try pinnedKilobytes() - before == length / 1024)
    pins.unpin(slot)
    #expect(try pinnedKilobytes() == before)
  }

  /// What everything else is for: the pin holds the old pages when the address has new ones.
  @Test func aPinOutlivesTheMapping() throws {
    let pins = try PinTable()
    let memory = try map()
    memory.initializeMemory(as: UInt8.self, repeating: 0xAA, count: length)
    let slot = try pins.pin(range(memory))
    defer { pins.unpin(slot) }
    munmap(memory, length)
    let again = try map(at: memory)
    defer { munmap(again, length) }
    again.initializeMemory(as: UInt8.self, repeating: 0xBB, count: length)

    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    ends.forEach { _ = fcntl($0, F_SETFL, O_NONBLOCK) }
    defer { ends.forEach { close($0) } }
    let address = UInt(bitPattern: memory)
    #expect(pins.drain(slot, at: address + 5, length: 100, to: ends[1]) == 100)
    var bytes = [UInt8](repeating: 0, count: 100)
    #expect(read(ends[0], &bytes, 100) == 100)
    #expect(bytes.allSatisfy { $0 == 0xAA })

    // And data that arrive go to the old pages, not to the new ones.
    #expect(write(ends[1], [UInt8](repeating: 0xCC, count: 100), 100) == 100)
    #expect(pins.fill(slot, at: address, length: 100, from: ends[0]) == 100)
    #expect(again.load(as: UInt8.self) == 0xBB)
    #expect(pins.fill(slot, at: address, length: 100, from: ends[0]) == -Int(EAGAIN))
  }

  @Test func whatIsNotMappedIsNotPinned() throws {
    let pins = try PinTable()
    let memory = try map()
    munmap(memory + length / 2, length / 2)
    defer { munmap(memory, length / 2) }
    let before = try pinnedKilobytes()
    #expect(throws: VirtualMemoryError.notMapped) { try pins.pin(range(memory)) }
    #expect(try pinnedKilobytes() == before)
  }

  @Test func slotsAreUsedAgain() throws {
    let pins = try PinTable()
    let memory = try map()
    defer { munmap(memory, length) }
    let first = try pins.pin(range(memory))
    pins.unpin(first)
    let second = try pins.pin(range(memory))
    #expect(first == second)
    pins.unpin(second)
  }
}
