import CFuse
import Glibc

extension Operations {
  static func addFiles(to operations: inout fuse_lowlevel_ops) {
    operations.open = { request, number, info in
      Operations.answer(request) { server, reader throws(ControlError) in
        guard let info else { throw .invalid("no file") }
        let forWriting = info.pointee.flags & O_ACCMODE == O_WRONLY
        info.pointee.fh = try server.open(number, forWriting: forWriting, reader)
        // The content is not the size that stat() shows: read until there is no more.
        if server.isConstant(number) {
          info.pointee.keep_cache = 1
        } else {
          info.pointee.direct_io = 1
        }
        return .open(info)
      }
    }
    operations.read = { request, _, count, offset, info in
      Operations.answer(request) { server, _ throws(ControlError) in
        guard let info else { throw .invalid("no file") }
        return .bytes(
          try server.read(info.pointee.fh, offset: Int(offset), count: count))
      }
    }
    operations.write = { request, _, bytes, count, _, info in
      Operations.answer(request) { server, reader throws(ControlError) in
        guard let info else { throw .invalid("no file") }
        let bytes = Array(UnsafeRawBufferPointer(start: bytes, count: count))
        try server.write(info.pointee.fh, bytes, reader)
        return .written(count)
      }
    }
    operations.release = { request, _, info in
      Operations.answer(request) { server, _ throws(ControlError) in
        if let info { server.close(info.pointee.fh) }
        return .done
      }
    }
    operations.poll = { request, _, info, handle in
      guard let request, let info else { return }
      let number = info.pointee.fh
      if let handle { Operations.session(request).waiters.add(handle, for: number) }
      Operations.answer(request) { server, _ throws(ControlError) in
        // Readable always, as a regular file is; what is new is urgent.
        let ready = try server.isReady(number)
        return .events(ready ? UInt32(POLLIN | POLLRDNORM | POLLPRI | POLLOUT) : UInt32(POLLOUT))
      }
    }
  }
}
