package import Inspection
import VirtualMemory

/// The word on which lookup, invalidation and use of a region agree.
///
/// A region's record is never freed, only used again, so any thread may read its word at any time.
///
///     generation  bits 32-63   raised when the record is freed; names one life of the record
///     state       bits 24-31   `RegionState`
///     references  bits 0-23    registrations that were given out and not yet released
///
/// Who may write which word:
///
/// - The word is only changed by compare-and-exchange.
/// - *References* are added while the state is `live`, and only then, by any thread, without a lock.
///   A lookup reads the word, then the record's other fields, and exchanges the word only where
///   these are what it looked for and the generation is still the same: then they are of this life,
///   and stable for as long as the reference is held. A reference of a record that turns out to be
///   another cache's is never taken. References are taken off in any state.
/// - *State* changes under the cache's lock, except that whoever takes the last reference off a
///   `superseded` record makes it `dying`, and off a `dead` one `free`.
///
///         free -> registering -> live -> superseded
///                      |           |         |
///                      +-----------+---------+--> dying -> dead -> free
///                                                     \--> quarantined (-> dead, by a later flush)
///
/// - The thread that makes a record `dying` tears it down, alone; but a record that was
///   `registering` is torn down by the thread that registers it, which finds the new state when it
///   wants to make the record `live`.
/// - All other fields are written in `registering` and `dying`, by that one thread; adding an
///   adapter to a live record is done under the lock, the key before the bit in `nicMask`.
///
/// - Whoever makes a record `registering` or `dying` has its signals blocked until the record is
///   settled. A handler that changes the mapping of just these pages runs before or after that, and
///   never waits for the thread that it interrupts.
///
/// What invalidation waits for: it makes every record that overlaps the change `dying`, so that no
/// lookup succeeds any more; closes the registration at every adapter, which lets no transfer in any
/// more, and then waits at each until those inside are out; then unpins and unsecures. A record that another
/// thread is tearing down is waited for. All of it until one deadline; after that the answer is
/// `failed` and the record is `quarantined`: dead for everybody, but still pinned. So is the answer
/// of everyone who waited for the thread that gave up.
///
/// A range is in the tracked index before it is pinned, so a change during registration makes the
/// record `dying` and the registration starts again. Pages that a region takes over from the one
/// that it replaces are in the index all the time: the new region enters before the old one is
/// superseded.
///
/// That there is nothing to invalidate can only be seen under the lock: a region that is merged into
/// a larger one is for a moment in the list and not in the page table, and then the other way round,
/// so that a look at the one and then at the other can miss it.
///
/// A child after a fork owns nothing: page table, lock and list are empty there, and a reference
/// that was taken before is of nothing. The parent keeps its pages: the kernel gives the child copies
/// of those that are pinned, and pinning takes a page that is shared with a child out of the sharing
/// first.
///
/// A change that is overtaken: its hook found nothing secured, a registration secures and pins the
/// pages, and only then the kernel makes the change. A word in which hooks say that a call is under
/// way would not close this at a price that every munmap can pay: it has to be written before each
/// look at the index, also when nobody registers (who looks before a registration shows itself has
/// looked for good), and taken back when the call is over, but the call is libc's own and nothing of
/// ours runs behind it. So it is the registration that looks twice: at the page frames before the
/// pin, and behind it. Where they are there and the same they are those that were pinned, and what
/// the audit compares with from then on; where not it pins again. A change that comes later differs
/// from them: an audit finds it, at the very next use with `strict`, by the timer otherwise, where
/// userfaultfd has not told before. Two overtaken calls of which one puts the old frames back within
/// one pin are not seen.
///
/// What is left to the application where the audit does not run, or page frames are not shown: not
/// to begin a registration of pages while another of its threads is inside a call that changes just
/// these.
package struct RegionWord: Hashable, Sendable {
  package var generation: UInt32
  package var state: RegionState
  package var references: UInt32

  package static let maximumReferences: UInt32 = (1 << 24) - 1

  @inline(__always)
  package init(generation: UInt32, state: RegionState, references: UInt32) {
    self.generation = generation
    self.state = state
    self.references = references
  }

  @inline(__always)
  package init(_ word: UInt64) {
    generation = UInt32(word >> 32)
    // A record is written by this library only; a state that it does not know is our own bug.
    guard let state = RegionState(rawValue: UInt8(truncatingIfNeeded: word >> 24)) else {
      preconditionFailure("a region's word has no such state")
    }
    self.state = state
    references = UInt32(truncatingIfNeeded: word) & Self.maximumReferences
  }

  @inline(__always)
  package var rawValue: UInt64 {
    UInt64(generation) << 32 | UInt64(state.rawValue) << 24 | UInt64(references)
  }
}

extension RegionRecord {
  /// Changes the word by compare-and-exchange: `change` is given what is there and answers what
  /// shall be there, or nil to leave it. Returns what was there before, or nil where it was left.
  @inline(__always) @discardableResult
  func exchange(_ change: (RegionWord) -> RegionWord?) -> RegionWord? {
    var raw = word.loadAcquiring()
    while true {
      let old = RegionWord(raw)
      guard let new = change(old) else { return nil }
      let result = word.compareExchange(expected: raw, desired: new.rawValue)
      if result.exchanged { return old }
      raw = result.original
    }
  }

  @inline(__always)
  var current: RegionWord { RegionWord(word.loadAcquiring()) }
}
