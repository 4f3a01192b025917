import Glibc

/// How an engine reaches the local memory of a request whose pages are pinned. (Mapped memory is
/// always reached through its alias, and the remote side always through what was registered.)
package enum DMAMode: Sendable, CaseIterable {
  /// By its address, while its registration is entered and therefore known to be good.
  case fast
  /// By the page frames that were pinned.
  case strict

  /// What PINDOWN_DMA says; `fast` where it is not set.
  ///
  /// - Throws: `invalidConfiguration` for a word that is neither.
  package static func fromEnvironment() throws(MemfdNICError) -> DMAMode {
    guard let value = getenv("PINDOWN_DMA") else { return .fast }
    switch String(cString: value) {
    case "", "fast": return .fast
    case "strict": return .strict
    case let other:
      throw .invalidConfiguration("PINDOWN_DMA is 'fast' or 'strict', not '\(other)'")
    }
  }
}
