import CMemfdNIC
import Glibc
import VirtualMemory

/// Moves data between what an engine has at hand and the local memory of a request, in the way
/// that the backing and the DMA mode prescribe. One for each engine thread.
///
/// The registration is entered while a function here runs. No function allocates or waits.
final class LocalMemory: @unchecked Sendable {
  private let mode: DMAMode
  private let pins: PinTable?
  /// A pipe of our own, between pinned pages and memory of ours.
  private let scratch: Pipe

  private static let scratchBytes = 65_536

  init(mode: DMAMode, pins: PinTable?) throws(MemfdNICError) {
    self.mode = mode
    self.pins = pins
    scratch = try Pipe(bytes: Int32(Self.scratchBytes))
  }

  /// Copies out of the application's memory. False where it is not there.
  func copy(
    from entry: ProtectionEntry, at address: UInt, length: Int, to ours: UnsafeMutableRawPointer
  ) -> Bool {
    if length == 0 { return true }
    if entry.isMapped {
      guard let alias = UnsafeRawPointer(bitPattern: entry.aliasAddress(of: address)) else {
        return false
      }
      ours.copyMemory(from: alias, byteCount: length)
      return true
    }
    if mode == .fast { return CMemfdNIC_copy_from(ours, address, length) == 0 }
    var done = 0
    while done < length {
      let part = min(length - done, Self.scratchBytes)
      let moved = drain(entry, at: address + UInt(done), length: part, to: scratch.writeEnd.number)
      if moved <= 0 { return false }
      let taken = CMemfdNIC_read(scratch.readEnd.number, UInt(bitPattern: ours) + UInt(done), moved)
      precondition(taken == moved, "our own pipe lost bytes")
      done += moved
    }
    return true
  }

  /// Copies into the application's memory. False where it is not there.
  func copy(
    from ours: UnsafeRawPointer, to entry: ProtectionEntry, at address: UInt, length: Int
  ) -> Bool {
    if length == 0 { return true }
    if entry.isMapped {
      guard let alias = UnsafeMutableRawPointer(bitPattern: entry.aliasAddress(of: address)) else {
        return false
      }
      alias.copyMemory(from: ours, byteCount: length)
      return true
    }
    if mode == .fast { return CMemfdNIC_copy_to(address, ours, length) == 0 }
    var done = 0
    while done < length {
      let part = min(length - done, Self.scratchBytes)
      let source = UInt(bitPattern: ours) + UInt(done)
      let put = CMemfdNIC_write(scratch.writeEnd.number, source, part)
      if put <= 0 { return false }
      if !fillWhole(entry, at: address + UInt(done), length: put) { return false }
      done += put
    }
    return true
  }

  private func fillWhole(_ entry: ProtectionEntry, at address: UInt, length: Int) -> Bool {
    var filled = 0
    while filled < length {
      let moved = fill(
        entry, at: address + UInt(filled), length: length - filled, from: scratch.readEnd.number)
      if moved <= 0 { return false }
      filled += moved
    }
    return true
  }

  /// Puts bytes of the application's memory into the outbound pipe: how many, or -errno.
  func put(
    _ entry: ProtectionEntry, at address: UInt, length: Int, into links: borrowing Links
  ) -> Int {
    if !entry.isMapped, mode == .strict {
      return drain(entry, at: address, length: length, to: links.outbound.number)
    }
    let source = entry.isMapped ? entry.aliasAddress(of: address) : address
    return length < Limits.spliceBytes
      ? CMemfdNIC_write(links.outbound.number, source, length)
      : CMemfdNIC_splice(links.outboundPages.number, source, length)
  }

  /// Takes bytes out of a pipe into the application's memory: how many, or -errno.
  func take(_ entry: ProtectionEntry, at address: UInt, length: Int, from pipe: Int32) -> Int {
    if !entry.isMapped, mode == .strict {
      return fill(entry, at: address, length: length, from: pipe)
    }
    let target = entry.isMapped ? entry.aliasAddress(of: address) : address
    return CMemfdNIC_read(pipe, target, length)
  }

  // MARK: Pinned pages, whatever the mode

  /// Reads from a pipe into the pinned pages of a registration: bytes moved, or -errno.
  func fill(_ entry: ProtectionEntry, at address: UInt, length: Int, from pipe: Int32) -> Int {
    guard let pins else { preconditionFailure("a pin without a pin table") }
    return pins.fill(entry.pin, at: address, length: length, from: pipe)
  }

  /// Writes the pinned pages of a registration to a pipe: bytes moved, or -errno.
  func drain(_ entry: ProtectionEntry, at address: UInt, length: Int, to pipe: Int32) -> Int {
    guard let pins else { preconditionFailure("a pin without a pin table") }
    return pins.drain(entry.pin, at: address, length: length, to: pipe)
  }
}
