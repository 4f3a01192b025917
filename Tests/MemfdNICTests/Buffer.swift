import CLinuxMemory
import Glibc
import MemfdNIC
import Testing
import VirtualMemory

enum Kind: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case pinned, mapped
  var testDescription: String { rawValue }
}

/// Memory of one kind, registered at one adapter.
final class Buffer: @unchecked Sendable {
  let range: AddressRange
  let nic: MemfdNIC
  private(set) var key: RegistrationKey
  private let pins: PinTable?
  private var pin: PinSlot?
  private var segment: MemfdSegment?
  private var use: SegmentUse?

  init(_ kind: Kind, bytes: UInt, at nic: MemfdNIC, pins: PinTable) throws {
    self.nic = nic
    switch kind {
    case .pinned:
      self.pins = pins
      let start = mmap(
        nil, Int(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      let address = UInt(bitPattern: start)
      range = AddressRange(start: address, end: address + bytes).pageAligned!
      let slot = try pins.pin(range)
      pin = slot
      key = try nic.register(range, backing: .pinned(slot))
    case .mapped:
      self.pins = nil
      let segment = try MemfdSegment(byteCount: bytes)
      range = segment.range
      let use = try #require(SegmentTable.shared.use(of: range))
      let location = SegmentTable.shared.location(of: use, at: range.start)
      key = try nic.register(
        range,
        backing: .mapped(
          alias: location.alias, descriptor: location.descriptor, offset: location.offset))
      self.segment = consume segment
      self.use = use
    }
  }

  /// Takes down what a test has left.
  deinit {
    if deregister() || pin != nil {
      if let pin { pins?.unpin(pin) }
      if pin != nil {
        munmap(UnsafeMutableRawPointer(bitPattern: range.start), Int(range.length))
      }
      if let use { SegmentTable.shared.release(use) }
    }
  }

  func deregister() -> Bool {
    nic.deregister(key, deadline: CLinuxMemory_monotonic() + 1_000_000_000)
  }

  var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(bitPattern: range.start), count: Int(range.length))
  }

  /// Bytes that tell where they belong and which filling it is.
  func fill(_ seed: UInt8) {
    for index in 0..<bytes.count { bytes[index] = Self.pattern(index, seed) }
  }

  static func pattern(_ index: Int, _ seed: UInt8) -> UInt8 {
    UInt8(truncatingIfNeeded: index &* 31 &+ index >> 8) ^ seed
  }

  /// Whether `count` bytes from `offset` are those that `fill(seed)` puts at `source`.
  func holds(_ seed: UInt8, from source: Int, at offset: Int, count: Int) -> Bool {
    (0..<count).allSatisfy { bytes[offset + $0] == Self.pattern(source + $0, seed) }
  }

  func segment(_ offset: UInt = 0, _ length: UInt32) -> LocalSegment {
    LocalSegment(address: range.start + offset, length: length, key: key)
  }

  func part(_ offset: UInt, _ length: UInt) -> AddressRange {
    AddressRange(start: range.start + offset, end: range.start + offset + length)
  }
}
