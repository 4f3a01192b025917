import Glibc

/// A file descriptor, closed when it goes out of scope.
struct Descriptor: ~Copyable, Sendable {
  let number: Int32

  init(_ number: Int32) {
    precondition(number >= 0, "a descriptor that was not opened")
    self.number = number
  }

  /// Another number for the same description.
  func duplicate() throws(MemfdNICError) -> Descriptor {
    let copy = fcntl(number, F_DUPFD_CLOEXEC, 0)
    if copy < 0 { throw .system(errno: errno) }
    return Descriptor(copy)
  }

  deinit {
    close(number)
  }
}
