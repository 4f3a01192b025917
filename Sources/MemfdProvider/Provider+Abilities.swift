import Glibc
import Inspection
import VirtualMemory

// What this process may do, and what the provider lacks where it may not.

extension Provider {
  /// Whether this process has been told what it lacks: once is enough.
  private static let hasReported = Lock(false)

  /// The pins of the process, nil where there can be none and only memfd segments can be
  /// registered; and a line for each thing that is lost.
  static func pins() -> (pins: PinTable?, losses: [String]) {
    do throws(VirtualMemoryError) {
      return (try PinTable(), Abilities.current.losses)
    } catch {
      return (nil, [PinTable.loss(error)] + Abilities.current.lossesWithoutPins)
    }
  }

  static func publishAbilities(pins: Bool, in publication: Publication) {
    var bits: UInt32 = 0
    if pins { bits |= AbilityBit.pins }
    if Abilities.current.seesPageFrames { bits |= AbilityBit.frames }
    publication.update { publication.header.abilities.store(bits) }
  }

  /// Says on standard error what is lost: a line each, in a write each, so that the lines of several
  /// processes do not mix.
  static func report(_ losses: [String]) {
    let isFirst = hasReported.withLock { hasReported in
      defer { hasReported = true }
      return !hasReported
    }
    guard isFirst else { return }
    for loss in losses {
      let line = "pindown: \(loss)\n"
      _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    }
  }
}
