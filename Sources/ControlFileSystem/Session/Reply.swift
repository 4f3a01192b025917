import CFuse
import Glibc

/// The right, and the duty, to answer one request of the kernel: exactly once.
///
/// That the kernel no longer knows the request (who asked was killed) is no error.
struct Reply: ~Copyable {
  private let request: fuse_req_t

  init(_ request: fuse_req_t) {
    self.request = request
  }

  deinit {
    // Nobody answered: a bug of ours, of which the caller must not hang.
    fuse_reply_err(request, EIO)
  }

  consuming func error(_ number: Int32) {
    fuse_reply_err(request, number)
    discard self
  }

  consuming func done() {
    fuse_reply_err(request, 0)
    discard self
  }

  /// For requests that the kernel wants no answer to.
  consuming func none() {
    fuse_reply_none(request)
    discard self
  }

  consuming func entry(_ attributes: Attributes) {
    var entry = fuse_entry_param()
    entry.ino = attributes.number
    entry.attr = stat(attributes)
    entry.attr_timeout = attributes.validSeconds
    entry.entry_timeout = attributes.validSeconds
    fuse_reply_entry(request, &entry)
    discard self
  }

  consuming func attributes(_ attributes: Attributes) {
    var status = stat(attributes)
    fuse_reply_attr(request, &status, attributes.validSeconds)
    discard self
  }

  consuming func link(_ target: String) {
    fuse_reply_readlink(request, target)
    discard self
  }

  consuming func open(_ info: UnsafeMutablePointer<fuse_file_info>) {
    fuse_reply_open(request, info)
    discard self
  }

  consuming func bytes(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { bytes in
      let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
      _ = fuse_reply_buf(request, start, bytes.count)
    }
    discard self
  }

  consuming func written(_ count: Int) {
    fuse_reply_write(request, count)
    discard self
  }

  consuming func events(_ events: UInt32) {
    fuse_reply_poll(request, events)
    discard self
  }

  /// As many entries as fit, from the one at `offset` on.
  consuming func entries(_ entries: [DirectoryEntry], offset: Int, capacity: Int) {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
      var used = 0
      for index in min(offset, entries.count)..<entries.count {
        var status = Glibc.stat()
        status.st_ino = UInt(entries[index].number)
        status.st_mode = entries[index].type
        let rest = buffer.baseAddress.map { $0 + used }
        let length = fuse_add_direntry(
          request, rest, capacity - used, entries[index].name, &status, index + 1)
        if length > capacity - used { break }
        used += length
      }
      _ = fuse_reply_buf(request, buffer.baseAddress, used)
    }
    discard self
  }
}

extension stat {
  init(_ attributes: Attributes) {
    self.init()
    st_ino = UInt(attributes.number)
    st_mode = attributes.mode
    st_nlink = UInt(attributes.links)
    st_uid = attributes.user
    st_gid = attributes.group
    st_size = Int(attributes.size)
    st_blksize = 4096
    let time = timespec(
      tv_sec: Int(attributes.time / 1_000_000_000), tv_nsec: Int(attributes.time % 1_000_000_000))
    st_mtim = time
    st_ctim = time
    st_atim = time
  }
}
