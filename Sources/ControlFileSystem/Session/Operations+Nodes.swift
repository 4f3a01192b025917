import CFuse
import Glibc

extension Operations {
  static func addNodes(to operations: inout fuse_lowlevel_ops) {
    operations.`init` = { data, _ in
      guard let data else { return }
      Unmanaged<Session>.fromOpaque(data).takeUnretainedValue().began()
    }
    operations.lookup = { request, parent, name in
      Operations.answer(request) { server, reader throws(ControlError) in
        .entry(try server.lookup(parent, Operations.name(name), reader))
      }
    }
    operations.forget = { request, number, count in
      guard let request else { return }
      Operations.session(request).server.forget(number, count)
      Reply(request).none()
    }
    operations.forget_multi = { request, count, forgets in
      guard let request else { return }
      let server = Operations.session(request).server
      for forget in UnsafeBufferPointer(start: forgets, count: count) {
        server.forget(forget.ino, forget.nlookup)
      }
      Reply(request).none()
    }
    operations.getattr = { request, number, _ in
      Operations.answer(request) { server, reader throws(ControlError) in
        .attributes(try server.attributes(number, reader))
      }
    }
    operations.setattr = { request, number, _, changes, _ in
      Operations.answer(request) { server, reader throws(ControlError) in
        let forbidden = FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID
        try server.checkSetAttributes(
          number, changesOwnerOrMode: changes & forbidden != 0, reader)
        return .attributes(try server.attributes(number, reader))
      }
    }
    operations.readlink = { request, number in
      Operations.answer(request) { server, reader throws(ControlError) in
        .link(try server.link(number, reader))
      }
    }
    operations.unlink = { request, parent, name in
      Operations.answer(request) { server, reader throws(ControlError) in
        try server.remove(parent, Operations.name(name), reader)
        return .done
      }
    }
  }
}
