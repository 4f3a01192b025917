import Glibc

/// The mappings of a process in rising order, as `/proc/<pid>/maps` tells them.
package struct MappingList: Sendable, Sequence {
  private let mappings: [Mapping]

  /// Reads all of an open descriptor of a maps file.
  package init(reading descriptor: Int32) throws(VirtualMemoryError) {
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while true {
      let length = read(descriptor, &piece, piece.count)
      if length < 0, errno == EINTR { continue }
      if length < 0 { throw .system(errno: errno) }
      if length == 0 { break }
      text += piece[..<length]
    }
    let whole = String(decoding: text, as: UTF8.self)
    mappings = whole.split(separator: "\n").compactMap { Mapping(line: $0.utf8) }
  }

  package func makeIterator() -> Array<Mapping>.Iterator {
    mappings.makeIterator()
  }
}
