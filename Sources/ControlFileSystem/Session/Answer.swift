import CFuse

/// What a request is answered with.
enum Answer {
  case done
  case entry(Attributes)
  case attributes(Attributes)
  case link(String)
  case open(UnsafeMutablePointer<fuse_file_info>)
  case bytes([UInt8])
  case written(Int)
  case events(UInt32)
  case entries([DirectoryEntry], offset: Int, capacity: Int)
}
