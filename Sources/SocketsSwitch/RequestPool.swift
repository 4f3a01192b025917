import CWinsockDirect
import VirtualMemory

/// Overlapped structures to use again.
///
/// A structure belongs to the provider until its request has ended, even when nobody wants to know
/// any more; such a structure is set aside and taken back later.
enum RequestPool {
  private struct Contents {
    var free: [Request] = []
    var abandoned: [Request] = []
  }

  private static let contents = Lock(Contents())

  /// A structure that is ready for a call.
  static func take() -> Request {
    let request = contents.withLock { contents -> Request in
      if contents.free.isEmpty { reclaim(&contents) }
      return contents.free.popLast() ?? Request(overlapped: .allocate(capacity: 1))
    }
    request.begin()
    return request
  }

  /// Gives a structure back whose request has ended or never began.
  static func put(_ request: Request) {
    contents.withLock { $0.free.append(request) }
  }

  /// Gives a structure back whose request may still be under way.
  static func abandon(_ request: Request) {
    contents.withLock { contents in
      if request.isComplete {
        contents.free.append(request)
      } else {
        contents.abandoned.append(request)
      }
    }
  }

  private static func reclaim(_ contents: inout Contents) {
    // Each is asked once: a request may end at any moment.
    let middle = contents.abandoned.partition(by: \.isComplete)
    contents.free += contents.abandoned[middle...]
    contents.abandoned.removeSubrange(middle...)
  }
}
