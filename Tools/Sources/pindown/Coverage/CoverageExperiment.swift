import CMappingChanges
import Glibc
import Pindown

/// One cell: a buffer that is registered on two NICs loses its mapping in one way; who was told
/// when, and what the registrations are good for afterwards.
struct CoverageExperiment {
  private let cell: CoverageCell
  private let peer: CoveragePeer?

  /// The contents of the buffer before and after the change.
  static let old: UInt8 = 0x5A
  static let new: UInt8 = 0xC3

  init(_ cell: CoverageCell, peer: CoveragePeer?) {
    self.cell = cell
    self.peer = peer
  }

  /// Throws where no cell can be performed at all.
  func run() throws -> CoverageResult {
    // First, so that threads and the other process of some cells are there before the monitors.
    let error = CMappingChanges_prepare(cell.index)
    if error != 0 { return impossible(error) }
    let network = try SocketsSwitch.start()
    let monitors = try listen()
    CMappingChanges_fill(Self.old)
    let links = try CoverageLink.all(network)
    do {
      try register(links)
    } catch {
      return CoverageResult(cell, .notPossible, note: "not registered: \(error)")
    }
    CMappingChanges_watch()
    let counts = monitors.counts
    let failure = change(monitors)
    if failure != 0 && failure != -EBUSY && failure != -EAGAIN { return impossible(failure) }
    let wasUsedAtOnce = monitors.auditsEveryUse && useAtOnce(links)
    var found = observe(monitors, since: counts)
    if peer == nil { found.use = use(links, isDenied: found.isDenied) }
    if wasUsedAtOnce, found.differencesAtOnce != 0 { found.use = .stale }
    found.lateReporters = monitors.rising(since: counts)
    var result = verdict(found)
    if failure != 0 { result.note = "refused by the kernel: \(SystemText.of(-failure))" }
    return result
  }

  /// Makes the change, and gives the monitors the time that they need; none where every use is
  /// audited. The first use then follows at once, so that no timer and no event that is still on its
  /// way can be in time for it by chance.
  private func change(_ monitors: CoverageMonitors) -> Int32 {
    CMappingChanges_enter(CMappingChanges_phase_performing)
    let failure = CMappingChanges_perform()
    CMappingChanges_enter(
      monitors.auditsEveryUse ? CMappingChanges_phase_using : CMappingChanges_phase_after)
    // Where nothing is different nobody has anything to tell.
    if failure == 0 && peer == nil && monitors.patience > 0 && CMappingChanges_differences() != 0 {
      CMappingChanges_wait(monitors.patience)
    }
    return failure
  }

  /// Uses what is held as the first thing after the change, with memory as that has left it.
  /// Returns whether any of it could be used.
  private func useAtOnce(_ links: [CoverageLink]) -> Bool {
    var wasUsed = false
    for registration in links.flatMap(\.held) where registration.send() {
      wasUsed = true
    }
    return wasUsed
  }

  /// Looks at what the change has left, puts memory back and writes new content.
  private func observe(
    _ monitors: CoverageMonitors, since counts: [String: UInt64]
  ) -> CoverageObservation {
    let atOnce = CMappingChanges_differences()
    let reporters = monitors.rising(since: counts)
    CMappingChanges_enter(CMappingChanges_phase_putting_back)
    _ = CMappingChanges_put_back()
    let isContentLost = !CMappingChanges_has_content(Self.old)
    CMappingChanges_fill(Self.new)
    let inUse = CMappingChanges_differences()
    CMappingChanges_enter(CMappingChanges_phase_using)
    return CoverageObservation(
      differencesAtOnce: atOnce, differencesInUse: inUse, isContentLost: isContentLost,
      reporters: reporters)
  }

  private func impossible(_ error: Int32) -> CoverageResult {
    let reason = CMappingChanges_reason().map { String(cString: $0) + ": " } ?? ""
    return CoverageResult(cell, .notPossible, note: reason + SystemText.of(-error))
  }

  /// The regions, as buffers.
  static var buffers: [UnsafeMutableRawBufferPointer] {
    (0..<CMappingChanges_region_count()).map {
      UnsafeMutableRawBufferPointer(
        start: CMappingChanges_region_start($0), count: CMappingChanges_region_length($0))
    }
  }

  /// On the first NIC the registrations are kept, on the others they are only cached.
  private func register(_ links: [CoverageLink]) throws {
    for (index, link) in links.enumerated() {
      for buffer in Self.buffers {
        let registration = try CoverageRegistration(link, buffer)
        guard registration.transfer() == Self.old else {
          throw ToolError("the first transfer did not bring what the buffer has")
        }
        if index == 0 { link.held.append(registration) }
      }
    }
  }

  /// Has every report written down.
  private func listen() throws -> CoverageMonitors {
    let tracker = try PageTracker.shared()
    if peer != nil {
      if let reason = CMappingChanges_start_ucx() { throw ToolError(String(cString: reason)) }
    } else {
      _ = try tracker.subscribe(CMappingChanges_told, context: nil)
    }
    return CoverageMonitors(tracker)
  }

  /// Uses what is still held, then registers again on every NIC; the worst that came of it.
  private func use(_ links: [CoverageLink], isDenied: Bool) -> CoverageUse {
    var worst = CoverageUse.none
    for registration in links.flatMap(\.held) {
      worst = worst.worse(registration.use(isDenied: isDenied))
    }
    for link in links {
      for buffer in Self.buffers {
        do {
          let registration = try CoverageRegistration(link, buffer)
          worst = worst.worse(registration.use(isDenied: isDenied))
        } catch {
          worst = worst.worse(.refused)
        }
      }
    }
    return worst
  }

  // MARK: The verdict

  private func verdict(_ found: CoverageObservation) -> CoverageResult {
    let reports = CoverageObservation.reports
    let isTold = reports.allSatisfy(\.was_told)
    var result = CoverageResult(cell, .harmless)
    result.effect = CoverageEffect(found)
    result.use = found.use
    if isTold, let last = reports.map(\.nanoseconds).max() { result.microseconds = last / 1000 }
    if result.effect?.isHarmful != true && found.use != .stale {
      result.outcome = reports.contains(where: \.was_told) ? .told : .harmless
    } else if found.use == .stale {
      result.outcome = .never
      if isTold { result.note = "it was told, and old content arrived all the same" }
    } else if isTold {
      result.outcome = reports.map(Self.moment).max { $0.rank < $1.rank } ?? .never
    } else {
      result.outcome = peer == nil ? .atNextUse : .never
    }
    if isTold || result.outcome == .atNextUse { result.by = reporters(found) }
    return result
  }

  /// The first monitor to report, in the order in which they come to know of a change.
  private func reporters(_ found: CoverageObservation) -> [String] {
    if let peer { return [peer.rawValue] }
    return Array((found.reporters.isEmpty ? found.lateReporters : found.reporters).prefix(1))
  }

  private static func moment(_ report: CMappingChanges_report) -> CoverageOutcome {
    switch report.phase {
    case CMappingChanges_phase_performing: report.differences == 0 ? .before : .during
    case CMappingChanges_phase_after: .after
    default: .atNextUse
    }
  }
}

extension CoverageOutcome {
  /// Later is more.
  fileprivate var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
