import CFuse
import Glibc
import VirtualMemory

/// Who waits in poll() for a file to change, and the thread that looks for them.
///
/// Processes publish without a signal to anybody, so somebody has to look; nobody does while nobody
/// waits.
final class PollWaiters: @unchecked Sendable {
  /// libfuse's handle, by which a waiter is woken once.
  private struct Handle: @unchecked Sendable {
    let pointer: OpaquePointer
  }

  private let handles = Lock<[UInt64: Handle]>([:])
  private let wakeUp: UnsafeMutablePointer<sem_t>

  init() {
    wakeUp = .allocate(capacity: 1)
    precondition(sem_init(wakeUp, 0, 0) == 0, "a semaphore could not be made")
  }

  /// Takes over a handle; an earlier one for the same file is given up.
  func add(_ pointer: OpaquePointer, for file: UInt64) {
    let (old, refused) = handles.withLock { handles -> (Handle?, Bool) in
      if handles[file] == nil && handles.count >= Limits.pollHandles { return (nil, true) }
      return (handles.updateValue(Handle(pointer: pointer), forKey: file), false)
    }
    if refused { fuse_pollhandle_destroy(pointer) }
    if let old { fuse_pollhandle_destroy(old.pointer) }
    sem_post(wakeUp)
  }

  /// Looks after those who wait, for ever: the body of the thread.
  func serve(_ server: NodeServer) {
    while true {
      while sem_wait(wakeUp) != 0 {}
      while handles.withLock({ !$0.isEmpty }) {
        usleep(Limits.pollIntervalMicroseconds)
        notify(server)
      }
    }
  }

  private func notify(_ server: NodeServer) {
    for file in handles.withLock({ Array($0.keys) }) {
      // A file that was closed meanwhile is ready, in the sense that nobody waits for it.
      guard (try? server.isReady(file)) ?? true else { continue }
      guard let handle = handles.withLock({ $0.removeValue(forKey: file) }) else { continue }
      fuse_lowlevel_notify_poll(handle.pointer)
      fuse_pollhandle_destroy(handle.pointer)
    }
  }
}
