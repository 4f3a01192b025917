import Glibc
import SocketsSwitch

/// Waits for file descriptors.
enum Polling {
  /// Waits until one of the descriptors is ready for its events, or has failed; false where the
  /// deadline came first.
  static func wait(for descriptors: [(Int32, Int32)], until deadline: Deadline) -> Bool {
    var polled = descriptors.map { pollfd(fd: $0.0, events: Int16($0.1), revents: 0) }
    while true {
      let remaining = deadline.remaining
      // Upwards: a wait that is too short by a part of a millisecond would spin.
      let milliseconds = Int32(clamping: (remaining + 999_999) / 1_000_000)
      let count = poll(&polled, nfds_t(polled.count), milliseconds)
      if count > 0 { return true }
      if count < 0 && errno != EINTR {
        preconditionFailure("descriptors cannot be polled: error \(errno)")
      }
      if deadline.remaining == 0 { return false }
    }
  }
}
