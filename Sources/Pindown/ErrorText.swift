import CPindown
import SocketsSwitch

/// What every function of the C interface does with an error: keeps its text for the thread.
enum ErrorText {
  /// The result of `body`, or `failure` after its error was noted.
  static func noting<Result>(
    _ failure: Result, _ body: () throws -> Result
  ) -> Result {
    do {
      return try body()
    } catch {
      CPindown_set_error("\(error)")
      return failure
    }
  }

  /// Notes a reason that is no error of another module.
  static func note(_ text: String) {
    CPindown_set_error(text)
  }
}

/// What only a caller in C can do wrong.
enum CallerError: Error, CustomStringConvertible {
  case notStarted
  case startedTwice
  case unknownSize(UInt32)
  case badAddress
  case badAccess(UInt32)
  case badDescriptor
  case badLength
  case noBuffer
  case notAllocated

  var description: String {
    switch self {
    case .notStarted: "the switch is not started: call pindown_start() first"
    case .startedTwice: "the switch is started already"
    case .unknownSize(let size): "options of \(size) bytes are not known: set size to their sizeof"
    case .badAddress: "the address is no IPv4 address like 10.77.0.1"
    case .badAccess(let access): "\(access) is no access: 1 reads, 2 writes, 3 does both"
    case .badDescriptor: "the descriptor is no descriptor"
    case .badLength: "the length is out of range"
    case .noBuffer: "the buffer, or another argument, is a null pointer"
    case .notAllocated: "the memory is not from pindown_allocate()"
    }
  }
}
