import Pindown

/// A registration of a region for this side of a link, to read and to write.
final class CoverageRegistration {
  private let link: CoverageLink
  private let registration: MemoryRegistration

  init(_ link: CoverageLink, _ buffer: UnsafeMutableRawBufferPointer) throws {
    self.link = link
    registration = try link.socket.registerMemory(buffer, access: .readWrite)
  }

  /// Sends the region to the far end; the byte that all of it has there, nil where it differs or
  /// could not be sent.
  func transfer() -> UInt8? {
    guard send() else { return nil }
    let first = link.memory[0]
    return link.memory.allSatisfy { $0 == first } ? first : nil
  }

  /// Sends the region to the far end. Returns whether it could be.
  func send() -> Bool {
    link.memory.initializeMemory(as: UInt8.self, repeating: 0)
    do {
      try link.socket.rdmaWrite(from: registration, to: link.target, within: .seconds(5))
      return true
    } catch {
      return false
    }
  }

  /// Uses it after the change. Where the program may not reach the memory any more, the far end's
  /// content is read into it, which has to fail.
  func use(isDenied: Bool) -> CoverageUse {
    if isDenied {
      let wasRead: Void? = try? link.socket.rdmaRead(
        into: registration, from: link.target, within: .seconds(5))
      return wasRead == nil ? .refused : .stale
    }
    guard send() else { return .refused }
    return link.memory.contains { $0 != CoverageExperiment.new } ? .stale : .fresh
  }
}
