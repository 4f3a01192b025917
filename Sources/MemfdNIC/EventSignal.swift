import CMemfdNIC
import Glibc

/// Wakes a thread that waits in `wait`. A signal that comes first is not lost.
struct EventSignal: ~Copyable, Sendable {
  private let descriptor: Descriptor

  init() throws(MemfdNICError) {
    let number = CMemfdNIC_event()
    if number < 0 { throw .system(errno: -number) }
    descriptor = Descriptor(number)
  }

  func signal() {
    CMemfdNIC_signal(descriptor.number)
  }

  enum Condition { case readable, writable }

  /// Waits for a signal, until something can be done with `first`, or until `second` is readable.
  func wait(or first: Int32 = -1, is condition: Condition = .readable, and second: Int32 = -1) {
    let conditions = condition == .readable ? CMemfdNIC_readable : CMemfdNIC_writable
    CMemfdNIC_wait(descriptor.number, first, Int32(conditions), second)
    CMemfdNIC_clear(descriptor.number)
  }

  /// What a `poll` of other descriptors can wait for, too.
  var number: Int32 { descriptor.number }
  func clear() { CMemfdNIC_clear(descriptor.number) }
}
