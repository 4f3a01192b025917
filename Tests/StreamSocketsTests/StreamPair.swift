import SocketsSwitch

@testable import StreamSockets

/// Two ends of a stream in this process.
struct StreamPair {
  /// The one that connected, and the one that was accepted.
  let near: StreamSocket
  let far: StreamSocket

  /// Through the first adapter, or over TCP/IP where there is none.
  init(
    _ network: SocketsSwitch, to address: IPv4Address = TestNetwork.address,
    near nearOptions: StreamOptions = StreamOptions(),
    far farOptions: StreamOptions = StreamOptions()
  ) throws {
    let listener = try StreamListener(
      at: SocketAddress(address, port: 0), through: network, options: farOptions)
    let accepting = Meanwhile { try listener.accept(within: .seconds(10)) }
    near = try StreamSocket.connect(
      to: listener.address, through: network, within: .seconds(10), options: nearOptions)
    far = try accepting.result()
    listener.close()
  }

  func close() {
    near.close()
    far.close()
  }
}

extension StreamSocket {
  /// Receives until there are so many bytes, or the end has come.
  func receiveAll(_ count: Int, pieces: Int = .max) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let piece = try receive(atMost: min(pieces, count - bytes.count), within: .seconds(10))
      if piece.isEmpty { break }
      bytes += piece
    }
    return bytes
  }
}

/// Bytes that tell their place, made eight at a time: tests run unoptimized, and under sanitizers.
func pattern(_ count: Int, seed: Int = 0) -> [UInt8] {
  let words = [UInt64](unsafeUninitializedCapacity: count / 8 + 1) { words, initializedCount in
    var index = 0
    while index < words.count {
      words[index] = UInt64(truncatingIfNeeded: index + 1 &+ seed << 32) &* 0x9E37_79B9_7F4A_7C15
      index += 1
    }
    initializedCount = index
  }
  return words.withUnsafeBytes { Array($0[..<count]) }
}
