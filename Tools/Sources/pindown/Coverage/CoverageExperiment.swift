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

  func run() throws -> CoverageResult {
    // First, so that threads and the other process of some cells are there before the monitors.
    let error = CMappingChanges_prepare(cell.index)
    if error != 0 { return impossible(error) }
    let network = try SocketsSwitch.start()
    CMappingChanges_fill(Self.old)
    let links = try CoverageLink.all(network)
    do {
      try register(links)
    } catch {
      return CoverageResult(cell, .notPossible, note: "not registered: \(error)")
    }
    let monitors = try listen()
    let showsFrames = CMappingChanges_watch()
    let counts = monitors.counts

    CMappingChanges_enter(CMappingChanges_phase_performing)
    let failure = CMappingChanges_perform()
    CMappingChanges_enter(CMappingChanges_phase_after)
    if failure != 0 && failure != -EBUSY && failure != -EAGAIN { return impossible(failure) }

    CMappingChanges_wait(peer == nil ? monitors.patience : 0)
    let atOnce = CMappingChanges_differences()
    CMappingChanges_enter(CMappingChanges_phase_putting_back)
    _ = CMappingChanges_put_back()
    CMappingChanges_fill(Self.new)
    let afterUse = CMappingChanges_differences()
    CMappingChanges_enter(CMappingChanges_phase_using)
    let isDenied = afterUse & UInt32(CMappingChanges_denied) != 0
    let use = peer == nil ? self.use(links, isDenied: isDenied) : .none

    var result = CoverageResult(cell, .harmless)
    result.effect = CoverageEffect(atOnce: atOnce, afterUse: afterUse)
    result.use = use
    judge(&result)
    result.by = peer.map { [$0.rawValue] } ?? monitors.rising(since: counts)
    if result.microseconds == nil && result.outcome != .atNextUse { result.by = [] }
    if failure != 0 { result.note = "refused by the kernel: \(SystemText.of(-failure))" }
    if !showsFrames { result.note = "the kernel shows this process no page frames" }
    return result
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

  private func judge(_ result: inout CoverageResult) {
    let reports = (0..<CMappingChanges_region_count()).map { CMappingChanges_report_of($0) }
    let isTold = reports.allSatisfy(\.was_told)
    if isTold, let last = reports.map(\.nanoseconds).max() { result.microseconds = last / 1000 }
    guard result.effect?.isHarmful == true else {
      result.outcome = reports.contains(where: \.was_told) ? .told : .harmless
      return
    }
    if result.use == .stale {
      result.outcome = .never
      if isTold { result.note = "it was told, and old content arrived all the same" }
    } else if isTold {
      result.outcome = reports.map(Self.moment).max { $0.rank < $1.rank } ?? .never
    } else {
      result.outcome = peer == nil ? .atNextUse : .never
    }
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
