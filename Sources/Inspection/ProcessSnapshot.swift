/// What a process published, copied at one moment.
package struct ProcessSnapshot: Sendable {
  package var identity: ProcessIdentity
  /// False where updates never paused long enough for a copy (a process stopped in the middle of
  /// one, for example): then every record is whole by itself, but two may not belong together.
  package var isConsistent = false
  /// Counts the updates of the process; two snapshots of the same generation show the same.
  package var generation: UInt64 = 0
  /// CLOCK_REALTIME, nanoseconds, when the process began to publish.
  package var publishedAt: UInt64 = 0
  package var eventCount: UInt64 = 0
  package var monitorsWanted: UInt32 = 0
  package var monitorsRunning: UInt32 = 0
  package var monitors: [MonitorSnapshot] = []
  package var abilities: UInt32 = 0
  package var mappingChanges: UInt64 = 0
  package var callbacks: UInt64 = 0
  package var callbackFailures: UInt64 = 0
  package var securedRegions: UInt64 = 0
  package var securedBytes: UInt64 = 0
  /// The abstract Unix socket that takes commands; empty for none.
  package var controlSocketName = ""
  package var providers: [ProviderSnapshot] = []
  package var nics: [NICSnapshot] = []
  package var sockets: [SocketSnapshot] = []
  package var regions: [RegionSnapshot] = []
  package var registrations: [RegistrationSnapshot] = []

  package init(identity: ProcessIdentity) {
    self.identity = identity
  }
}
