/// A way in which the protocol of `RegionWord` could be wrong. The explorer must find a history in
/// which each of them does harm.
enum ProtocolFault: CaseIterable {
  /// Deregistering closes the gate, but does not wait for transfers that are inside.
  case gateDoesNotWait
  /// A record becomes `dying` only after it left the adapters.
  case dyingAfterDeregistering
  /// A lookup takes what the page table names without looking at its bounds.
  case lookupWithoutBounds
  /// A region is pinned first and secured then.
  case securedAfterPinning
  /// A record is used again under the same generation.
  case generationKept
  /// An invalidated region stays in the page table.
  case pageTableKept
  /// A larger region is secured only after it has replaced the smaller one, which its last user may
  /// tear down in between.
  case securedAfterReplacing
  /// An invalidation that finds nothing in the page table, and then nothing in the list of
  /// unsettled records, does not take the lock to make sure.
  case looksWithoutLock
  /// A lookup takes the reference first and looks then whose record it is.
  case referencedBeforeReading
  /// The record is free although it has references.
  case freedWhileReferenced
  /// Whoever waits for another thread's tearing down is not woken.
  case nobodyWoken

  // The deadline.

  /// An adapter that does not let go ends the deregistering: the others keep their registrations.
  case stuckAdapterEndsDeregistering
  /// An adapter is waited for before the next one is closed. Who waits for that may give up first.
  case gatesClosedOneByOne
  /// What could not be released in time is unpinned all the same.
  case quarantineUnpinned
  /// What could not be released in time counts as released.
  case quarantineSettled
  /// The last reference of a quarantined record frees it.
  case quarantineFreedByRelease
  /// A flush releases what is quarantined, whoever is inside.
  case flushDoesNotAsk
  /// Who waited for a thread that gave up answers that all is released.
  case waiterIsSatisfied

  // Fork.

  /// The child works on its parent's records and adapters.
  case childSharesRecords
  /// A fork shares pinned pages with the child, to be copied by who writes first.
  case forkSharesPinnedPages
  /// Pages that are shared with a child are pinned as they are.
  case pinKeepsSharing
}
