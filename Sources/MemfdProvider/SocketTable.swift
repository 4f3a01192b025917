import CWinsockDirect
import Inspection
import VirtualMemory

/// The sockets of the process by their descriptors.
///
/// A descriptor is the number of an entry and of its present life, never an address: one that was
/// closed, or never given out, names nothing (C78).
final class SocketTable: Sendable {
  private struct Entries {
    /// Entries that can be taken, the one to take next at the end.
    var free: [Int]
    /// In which life each entry is; never zero.
    var lives: [UInt32]
  }

  /// Each guards the entries whose number it is congruent to, so that threads with different
  /// sockets rarely meet.
  private static var shardCount: Int { 64 }

  private let entries: Lock<Entries>
  private let shards: [Lock<[Socket?]>]

  init() {
    let count = ProviderLimits.maximumSockets
    entries = Lock(
      Entries(free: (0..<count).reversed(), lives: Array(repeating: 1, count: count)))
    let share = (count + Self.shardCount - 1) / Self.shardCount
    shards = (0..<Self.shardCount).map { _ in Lock(Array(repeating: nil, count: share)) }
  }

  /// The entry and the descriptor for a new socket; nil where all are taken.
  func reserve() -> (index: Int, descriptor: SOCKET)? {
    entries.withLock { entries in
      guard let index = entries.free.popLast() else { return nil }
      return (index, SOCKET(entries.lives[index]) << 32 | SOCKET(index + 1))
    }
  }

  /// Makes a socket known by its descriptor.
  func add(_ socket: Socket) {
    let (shard, place) = Self.place(socket.index)
    shards[shard].withLock { $0[place] = socket }
  }

  /// The socket of a descriptor. Throws `.notSocket` for one that names none.
  func socket(_ descriptor: SOCKET) throws(SocketsError) -> Socket {
    let number = descriptor & 0xFFFF_FFFF
    guard number >= 1, number <= SOCKET(ProviderLimits.maximumSockets) else { throw .notSocket }
    let (shard, place) = Self.place(Int(number) - 1)
    guard let socket = shards[shard].withLock({ $0[place] }), socket.descriptor == descriptor
    else { throw .notSocket }
    return socket
  }

  /// Takes the descriptor of a socket out of use, and says whether this call did. Its entry stays
  /// taken until `release`.
  func remove(_ socket: Socket) -> Bool {
    let (shard, place) = Self.place(socket.index)
    return shards[shard].withLock { sockets in
      guard sockets[place] === socket else { return false }
      sockets[place] = nil
      return true
    }
  }

  /// Lets the entry of a removed socket be taken again, under another descriptor.
  func release(_ socket: Socket) {
    socket.publish(.free)
    release(index: socket.index)
  }

  /// Lets an entry be taken again that got no socket.
  func release(index: Int) {
    entries.withLock { entries in
      entries.lives[index] = entries.lives[index] == .max ? 1 : entries.lives[index] + 1
      entries.free.append(index)
    }
  }

  /// All sockets that have a descriptor.
  func all() -> [Socket] {
    shards.flatMap { shard in shard.withLock { $0.compactMap { $0 } } }
  }

  private static func place(_ index: Int) -> (shard: Int, place: Int) {
    (index % shardCount, index / shardCount)
  }
}
