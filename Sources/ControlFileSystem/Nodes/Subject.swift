package import Inspection
package import VirtualMemory

/// What a node is about: what the variable parts of its path stand for.
package struct Subject: Hashable, Sendable {
  package var process: ProcessIdentity?
  /// The user who owns the node; nil for the one who mounted.
  package var owner: UInt32?
  /// The name of a provider and, below a process, its index there.
  package var provider: String?
  package var providerIndex: Int?
  package var nic: String?
  package var socket: Int?
  /// A region, by its range and the place and generation of its record.
  package var range: AddressRange?
  package var regionIndex: Int?
  package var regionGeneration: UInt32?

  package init() {}
}
