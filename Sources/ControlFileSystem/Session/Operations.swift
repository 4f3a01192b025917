import CFuse
import Glibc

/// The functions that libfuse calls: from a request to the node layer and back.
///
/// libfuse calls them on its own threads. Each answers before it returns, and none waits for
/// anything but a process that was asked to do something.
enum Operations {
  static func table() -> fuse_lowlevel_ops {
    var operations = fuse_lowlevel_ops()
    addNodes(to: &operations)
    addFolders(to: &operations)
    addFiles(to: &operations)
    addRefusals(to: &operations)
    return operations
  }

  static func session(_ request: fuse_req_t) -> Session {
    guard let data = fuse_req_userdata(request) else {
      preconditionFailure("a session without its data")
    }
    return Unmanaged<Session>.fromOpaque(data).takeUnretainedValue()
  }

  static func reader(_ request: fuse_req_t) -> Reader {
    guard let context = fuse_req_ctx(request) else {
      preconditionFailure("a request without its context")
    }
    return Reader(user: context.pointee.uid, thread: context.pointee.pid)
  }

  static func name(_ name: UnsafePointer<CChar>?) -> String {
    name.map { String(cString: $0) } ?? ""
  }

  /// Runs `body` for a request, and answers with its error if it has one.
  static func answer(
    _ request: fuse_req_t?,
    _ body: (NodeServer, Reader) throws(ControlError) -> Answer
  ) {
    guard let request else { preconditionFailure("no request") }
    let reply = Reply(request)
    do throws(ControlError) {
      let answer = try body(session(request).server, reader(request))
      switch answer {
      case .done: reply.done()
      case .entry(let attributes): reply.entry(attributes)
      case .attributes(let attributes): reply.attributes(attributes)
      case .link(let target): reply.link(target)
      case .open(let info): reply.open(info)
      case .bytes(let bytes): reply.bytes(bytes)
      case .written(let count): reply.written(count)
      case .events(let events): reply.events(events)
      case .entries(let entries, let offset, let capacity):
        reply.entries(entries, offset: offset, capacity: capacity)
      }
    } catch {
      reply.error(error.number)
    }
  }
}
