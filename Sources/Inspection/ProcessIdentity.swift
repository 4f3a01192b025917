/// Names a process for good: numbers are used again, a number with its start is not.
package struct ProcessIdentity: Hashable, Sendable {
  package var pid: Int32
  package var startTicks: UInt64

  package init(pid: Int32, startTicks: UInt64) {
    self.pid = pid
    self.startTicks = startTicks
  }
}
