import CFuse
import Glibc

extension Operations {
  /// What the tree does not allow is refused with a reason; without these the shell would say
  /// that the function is not implemented.
  static func addRefusals(to operations: inout fuse_lowlevel_ops) {
    operations.mknod = { request, parent, name, _, _ in
      Operations.refuse(request, parent, name)
    }
    operations.mkdir = { request, parent, name, _ in
      Operations.refuse(request, parent, name)
    }
    operations.create = { request, parent, name, _, _ in
      Operations.refuse(request, parent, name)
    }
    operations.rmdir = { request, parent, name in
      Operations.refuse(request, parent, name)
    }
    operations.symlink = { request, _, parent, name in
      Operations.refuse(request, parent, name)
    }
    operations.link = { request, _, parent, name in
      Operations.refuse(request, parent, name)
    }
    operations.rename = { request, parent, name, _, _, _ in
      Operations.refuse(request, parent, name)
    }
  }

  private static func refuse(
    _ request: fuse_req_t?, _ parent: fuse_ino_t, _ name: UnsafePointer<CChar>?
  ) {
    answer(request) { server, reader throws(ControlError) in
      throw server.refuse(parent, Operations.name(name), reader)
    }
  }
}
