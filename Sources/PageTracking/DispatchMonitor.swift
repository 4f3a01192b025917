import CSyscallInterception
import Glibc
import VirtualMemory

/// The monitor *dispatch*: system calls from anywhere but libc's own code trap, and the memory calls
/// among them are looked at before they are made.
///
/// - By thread: those that exist when it is started, and those that libc makes later. Not a thread
///   that has SIGSYS blocked when it is started, until it unblocks it, and not one that a program
///   makes by a raw `clone`, unless it calls `dispatchThisThread()`. A child after a fork and a new
///   program begin without.
/// - It takes SIGSYS, and keeps for the program what that wants to do with it. SIGSYS cannot be
///   blocked while it runs: a system call that traps while it is would end the process. What is left
///   of that: a handler that interrupts `sigsuspend`, `ppoll`, `pselect` or `epoll_pwait` with a mask
///   that has SIGSYS in it, and makes a raw system call.
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
    var report = CSyscallInterception_report()
    let error = -CSyscallInterception_start_dispatch(
      InterceptionHook.isSecured, InterceptionHook.willChange, &report)
    switch error {
    case 0: break
    case ENOTSUP, EINVAL:
      throw MonitorUnavailable(
        reason: "Syscall User Dispatch needs Linux 5.11 on x86-64, and a shared libc")
    case let error: throw MonitorUnavailable(reason: "Syscall User Dispatch: errno \(error)")
    }
    let gaps = (0..<report.gap_count).map { number in
      let gap = CSyscallInterception_report_gap(&report, number)
      return "threads that are made, or block SIGSYS, through \(String(cString: gap.name)): "
        + String(cString: gap.reason)
    }
    let absent = CSyscallInterception_undispatched_threads()
    let blocking = absent == 0 ? [] : ["\(absent) threads, until they unblock SIGSYS"]
    return ["threads that are made by a raw clone, unless they call for it"] + gaps + blocking
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
