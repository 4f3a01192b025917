// Code in this file runs in hook context: no allocation, no lock, no Swift object, nothing lazy.

import CLinuxMemory
import CWinsockDirect
import Inspection
import VirtualMemory

/// The WSPMemoryRegistrationCacheCallback functions of all loaded providers, for the fan-out.
///
/// A fixed array of slots in memory that is never given back. A slot has three words:
/// the provider's function (0: none), the number of threads that are inside the slot, and the
/// index under which the provider is published.
///
/// Protocol. A thread that fans out raises `users`, *then* reads the function, calls it if there is
/// one, and lowers `users`. An unload stores 0 as the function, *then* waits until `users` is 0;
/// after that nobody is inside the library through this slot and nobody can come in, so the
/// library may be unloaded. All four accesses are sequentially consistent, so either the caller
/// sees 0 or the unload sees the caller. A slot is filled again only after such a wait.
struct CallbackTable: @unchecked Sendable {
  private static let stride = 64
  private let base: UnsafeMutableRawPointer
  private let publication: Publication

  /// One slot more than there can be providers: the last serves to warm the path up.
  init(publication: Publication) {
    let bytes = (Limits.maximumProviders + 1) * Self.stride
    base = .allocate(byteCount: bytes, alignment: 64)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    self.publication = publication
  }

  private func function(_ slot: Int) -> SharedWord { SharedWord(base + slot * Self.stride) }
  private func users(_ slot: Int) -> SharedHalfWord {
    SharedHalfWord(base + slot * Self.stride + 8)
  }
  private func provider(_ slot: Int) -> SharedHalfWord {
    SharedHalfWord(base + slot * Self.stride + 12)
  }

  /// Asks every provider to give up what it has in `range`, one after the other, and records how
  /// each answered. Hook context.
  func callAll(_ range: AddressRange) {
    for slot in 0..<Limits.maximumProviders {
      users(slot).add(1)
      let bits = function(slot).load()
      if bits != 0 {
        record(range, slot: slot, call(bits, range))
      }
      users(slot).subtract(1)
    }
  }

  private struct Answer {
    let code: Int32
    let duration: UInt64
  }

  @inline(__always)
  private func call(_ bits: UInt64, _ range: AddressRange) -> Answer {
    let callback = unsafeBitCast(
      UInt(bits), to: LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK.self)
    var error: Int32 = 0
    let before = CLinuxMemory_monotonic()
    let result = callback(
      UnsafeMutableRawPointer(bitPattern: range.start), Int(bitPattern: range.length), &error)
    let duration = CLinuxMemory_monotonic() &- before
    // A provider that fails without a reason has failed all the same.
    let code = result == 0 ? 0 : error == 0 ? WSAEFAULT : error
    return Answer(code: code, duration: duration)
  }

  @inline(__always)
  private func record(_ range: AddressRange, slot: Int, _ answer: Answer) {
    publication.header.callbacks.count()
    // WSAEINVAL says that the provider had nothing there: an everyday answer.
    if answer.code != 0 && answer.code != WSAEINVAL {
      publication.header.callbackFailures.count()
    }
    publication.append(
      .callback, range: range, status: answer.code, provider: provider(slot).loadRelaxed(),
      duration: answer.duration)
  }
}

// What follows runs where providers are loaded and unloaded, never in hook context.
extension CallbackTable {
  /// Enters a provider's function; the caller sees to it that the slot is free.
  func fill(
    _ slot: Int, with callback: @escaping LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK,
    publishedAs index: UInt32
  ) {
    precondition(function(slot).load() == 0, "a slot that is taken")
    provider(slot).store(index)
    function(slot).store(UInt64(unsafeBitCast(callback, to: UInt.self)))
  }

  /// Takes a provider's function out and returns when no thread is inside it. Must not be called
  /// from within a callback.
  func clear(_ slot: Int) {
    function(slot).store(0)
    while users(slot).load() != 0 {
      // A callback is short, so asking again soon costs less than a wake in every fan-out would.
      _ = CLinuxMemory_futex_wait(base, UInt32(truncatingIfNeeded: function(slot).load()), 50_000)
    }
  }

  /// Whether no provider would be called now.
  var isEmpty: Bool {
    (0..<Limits.maximumProviders).allSatisfy { function($0).load() == 0 }
  }

  /// Walks through the fan-out once, so that whatever its first run may make is there before a
  /// hook needs it.
  func warmUp() {
    let slot = Limits.maximumProviders
    let nothing: LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK = { _, _, error in
      error?.pointee = WSAEINVAL
      return SOCKET_ERROR
    }
    fill(slot, with: nothing, publishedAs: .max)
    users(slot).add(1)
    let answer = call(function(slot).load(), AddressRange(start: 0, end: 0))
    precondition(answer.code == WSAEINVAL, "the fan-out does not work")
    users(slot).subtract(1)
    clear(slot)
    callAll(AddressRange(start: 0, end: 0))
  }
}
