import CFuse
import Glibc

extension Operations {
  static func addFolders(to operations: inout fuse_lowlevel_ops) {
    operations.opendir = { request, number, info in
      Operations.answer(request) { server, reader throws(ControlError) in
        guard let info else { throw .invalid("no file") }
        info.pointee.fh = try server.openFolder(number, reader)
        return .open(info)
      }
    }
    operations.readdir = { request, _, capacity, offset, info in
      Operations.answer(request) { server, _ throws(ControlError) in
        guard let info, offset >= 0 else { throw .invalid("no file") }
        return .entries(
          try server.entries(info.pointee.fh), offset: Int(offset), capacity: capacity)
      }
    }
    operations.releasedir = { request, _, info in
      Operations.answer(request) { server, _ throws(ControlError) in
        if let info { server.closeFolder(info.pointee.fh) }
        return .done
      }
    }
  }
}
