/// What no history of the protocol may show.
enum ProtocolViolation: Error, Hashable {
  /// A transfer went to pages that are not mapped there any more, not pinned, or not asked for.
  case staleUse
  case tornDownTwice
  /// A thread of another cache, with other adapters and other lists, tears a region down.
  case tornDownByStranger
  case givenBackTwice
  /// A record began another life while a thread held a reference of it.
  case freedWhileReferenced
  case moreReleasesThanReferences
  /// A change was told that all is released, and a region is still pinned.
  case answeredWrongly
  /// Nobody can go on.
  case deadlock
  /// All is done, and a record, a key, a pin or an entry of the page table is left over.
  case leak(String)
}
