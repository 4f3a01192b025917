/// Bits of `ProcessHeader.monitorsWanted` and `monitorsRunning`.
package enum MonitorBit {
  package static let entries: UInt32 = 1
  package static let dispatch: UInt32 = 2
  package static let userfaultfd: UInt32 = 4
  package static let audit: UInt32 = 8
}
