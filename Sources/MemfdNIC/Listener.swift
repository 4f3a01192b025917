package final class Listener: @unchecked Sendable {
  package let port: UInt16
  init() { preconditionFailure() }
  package func nextRequest() -> ConnectionRequest? { preconditionFailure() }
  package func close() { preconditionFailure() }
}
