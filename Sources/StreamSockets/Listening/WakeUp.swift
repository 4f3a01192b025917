import CLinuxMemory
import Glibc

/// Something to poll beside sockets: readable from `signal()` to `clear()`.
struct WakeUp: Sendable {
  let descriptor: Descriptor

  init() throws(StreamError) {
    let number = CLinuxMemory_eventfd()
    if number < 0 { throw .system(operation: "eventfd", code: -number) }
    descriptor = Descriptor(number)
  }

  func signal() {
    try? descriptor.use { number in
      var value: UInt64 = 1
      _ = write(number, &value, 8)
    }
  }

  func clear() {
    try? descriptor.use { number in
      var value: UInt64 = 0
      _ = read(number, &value, 8)
    }
  }
}
