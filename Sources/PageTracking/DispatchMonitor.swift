import CSyscallInterception
import Glibc
import VirtualMemory

/// The monitor *dispatch*: system calls from anywhere but libc's own code trap, and the memory calls
/// among them are looked at before they are made.
///
/// - By thread: those that exist when it is started, and each that calls `dispatchThisThread()`. A
///   new thread, a child and a new program begin without.
/// - It takes SIGSYS. A thread that blocks SIGSYS and makes a system call outside libc is killed by
///   the kernel.
struct DispatchMonitor: Monitor {
  var member: MonitorSet { .dispatch }
  var name: String { "dispatch" }
  var uncovered: String {
    "raw system calls are not seen before the change; userfaultfd sees most of them after it, the "
      + "audit the rest"
  }

  func start(for tracker: PageTracker) throws(MonitorUnavailable) -> [String] {
    InterceptionHook.serve(tracker)
    _ = tracker.openMaps()
    let error = -CSyscallInterception_start_dispatch(
      InterceptionHook.isSecured, InterceptionHook.willChange)
    switch error {
    case 0: break
    case ENOTSUP, EINVAL:
      throw MonitorUnavailable(
        reason: "Syscall User Dispatch needs Linux 5.11 on x86-64, and a shared libc")
    case let error: throw MonitorUnavailable(reason: "Syscall User Dispatch: errno \(error)")
    }
    return ["threads that are started later, unless they call for it"]
  }

  func stop(for tracker: PageTracker) {
    CSyscallInterception_stop_dispatch()
  }
}

extension PageTracker {
  /// Lets the raw system calls of the calling thread be seen before they are made, where the
  /// monitor *dispatch* runs. Returns whether they are.
  @discardableResult
  public func dispatchThisThread() -> Bool {
    CSyscallInterception_dispatch_this_thread() == 0
  }
}
