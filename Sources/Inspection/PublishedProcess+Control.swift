import CInspection
import Glibc

extension PublishedProcess {
  /// Asks the process to do something, and waits for its answer, at most two seconds.
  ///
  /// Where there is no answer the reply is a failure of ours: ENODEV (it takes no requests),
  /// ETIMEDOUT (it is stopped, or busy), EPERM.
  package func send(_ request: ControlRequest) -> ControlReply {
    let name = snapshot().controlSocketName
    guard !name.isEmpty, name.utf8.count < ProcessHeader.controlSocketNameBytes else {
      return .failed(errno: ENODEV, reason: "the process takes no requests")
    }
    guard let connection = try? ControlSocket.make() else {
      return .failed(errno: EIO, reason: "no socket could be made")
    }
    defer { close(connection) }
    ControlSocket.setTimeout(connection, milliseconds: Limits.controlTimeoutMilliseconds)
    guard ControlSocket.withAddress(name, { connect(connection, $0, $1) }) == 0 else {
      return Self.failure(errno)
    }
    // Abstract names are free for all: be sure that it is the process that published this one.
    guard ControlSocket.peer(of: connection)?.pid == pid else {
      return .failed(errno: ENODEV, reason: "another process has taken the process's socket")
    }
    guard ControlSocket.send(connection, request.text),
      let answer = ControlSocket.receive(connection)
    else { return Self.failure(errno) }
    if answer.isEmpty {
      return .failed(errno: ENODEV, reason: "the process closed the connection")
    }
    return ControlReply(text: answer)
  }

  private static func failure(_ number: Int32) -> ControlReply {
    switch number {
    case EAGAIN, ETIMEDOUT, EINPROGRESS:
      .failed(errno: ETIMEDOUT, reason: "the process did not answer; it may be stopped")
    case ECONNREFUSED, ECONNRESET, EPIPE, ENOENT:
      .failed(errno: ENODEV, reason: "the process takes no requests any more")
    default:
      .failed(errno: EIO, reason: "the process could not be asked: \(ErrorName.name(of: number))")
    }
  }
}
