import CLinuxMemory
import Glibc
import VirtualMemory

/// What a process knows about its provider, in a page of which a child gets zeros after a fork: so
/// the child has no provider (decision 9), without anything that would have to run in it.
enum ProcessState {
  private nonisolated(unsafe) static let page: UnsafeMutableRawPointer = {
    guard let page = CLinuxMemory_reserve(Int(Page.size)) else {
      preconditionFailure("no memory for one page")
    }
    return page
  }()

  private static var running: SharedWord { SharedWord(page) }
  private static var retired: SharedWord { SharedWord(page + 8) }
  /// Starts without their cleanup; only with the lock.
  static var starts: SharedWord { SharedWord(page + 16) }
  /// Zeros are a mutex that nobody holds.
  private static var mutex: UnsafeMutablePointer<pthread_mutex_t> {
    (page + 64).assumingMemoryBound(to: pthread_mutex_t.self)
  }

  /// Runs `body` while no other thread starts or cleans up.
  static func withLock<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// The provider, between the first start and the last cleanup. Safe in hook context.
  static var provider: Provider? {
    guard let pointer = UnsafeRawPointer(bitPattern: UInt(running.loadAcquiring())) else {
      return nil
    }
    return Unmanaged<Provider>.fromOpaque(pointer).takeUnretainedValue()
  }

  /// Makes a provider the process's, with the lock.
  static func install(_ provider: Provider) {
    let pointer = Unmanaged.passRetained(provider).toOpaque()
    running.storeReleasing(UInt64(UInt(bitPattern: pointer)))
  }

  /// Ends the provider's time, with the lock. Its memory stays until the next one has ended: a
  /// callback may still be looking at it.
  static func retire() {
    let old = retired.exchange(running.exchange(0))
    if let pointer = UnsafeRawPointer(bitPattern: UInt(old)) {
      Unmanaged<Provider>.fromOpaque(pointer).release()
    }
  }
}
