import CMemfdNIC
import Glibc

/// Who is at the other end of a socket.
enum SocketPeer {
  /// The peer's process. `notPermitted` where it belongs to another user: memory is only shared
  /// within one.
  static func process(of socket: borrowing Descriptor) throws(MemfdNICError) -> Int32 {
    var user: uid_t = 0
    var process: pid_t = 0
    let error = CMemfdNIC_peer(socket.number, &user, &process)
    if error < 0 { throw .system(errno: -error) }
    if user != geteuid() { throw .notPermitted }
    return process
  }
}
