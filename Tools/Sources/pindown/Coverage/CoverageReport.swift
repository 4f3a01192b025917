import ControlFileSystem

/// What was found in all cells.
struct CoverageReport: Sendable {
  let settings: CoverageSettings
  let results: [CoverageResult]

  var isGood: Bool { !results.contains { $0.outcome.isFailure } }

  func count(_ outcome: CoverageOutcome) -> Int {
    results.count { $0.outcome == outcome }
  }

  var harmfulCount: Int { results.count { $0.outcome.isHarmful } }

  /// Who watched: the monitors, or another library.
  var watcher: String { settings.peer.map { "hooks of \($0)" } ?? "monitors \(settings.monitors)" }

  var summary: String {
    var text =
      "harmful cells \(harmfulCount): before \(count(.before)), during \(count(.during)), "
      + "after \(count(.after)), at next use \(count(.atNextUse)), never \(count(.never)), "
      + "not possible \(count(.notPossible))"
    for outcome in [CoverageOutcome.crashed, .hung] where count(outcome) > 0 {
      text += ", \(outcome.rawValue) \(count(outcome))"
    }
    return text
  }

  var tsv: String {
    ([CoverageResult.columns.joined(separator: "\t")] + results.map(\.line))
      .joined(separator: "\n") + "\n"
  }

  var json: [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("monitors", settings.peer == nil ? settings.monitors : nil)
      writer.strings("unavailable", settings.unavailable)
      writer.member("peer", settings.peer?.rawValue)
      writer.array("cells") { writer in
        for result in results { writer.object { Self.write(result, into: &$0) } }
      }
      writer.object("summary") { writer in
        writer.member("cells", results.count)
        writer.member("harmful", harmfulCount)
        writer.object("outcomes") { writer in
          for (name, outcome) in Self.outcomeNames { writer.member(name, count(outcome)) }
        }
      }
    }
    return writer.finishedBytes()
  }

  private static let outcomeNames: [(StaticString, CoverageOutcome)] = [
    ("before", .before), ("during", .during), ("after", .after), ("at_next_use", .atNextUse),
    ("never", .never), ("told", .told), ("harmless", .harmless), ("not_possible", .notPossible),
    ("crashed", .crashed), ("hung", .hung),
  ]

  private static func write(_ result: CoverageResult, into writer: inout JSONWriter) {
    writer.member("kind", result.kind)
    writer.member("route", result.route)
    writer.member("outcome", result.outcome.rawValue)
    writer.strings("by", result.by)
    if let microseconds = result.microseconds {
      writer.member("microseconds", microseconds)
    } else {
      writer.member("microseconds", nil)
    }
    writer.member("effect", result.effect?.rawValue)
    writer.member("use", result.use.rawValue)
    writer.member("note", result.note.isEmpty ? nil : result.note)
  }
}
