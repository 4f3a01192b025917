import CInterceptionRecorder
import CSyscallInterception
import Glibc

/// A change as the handler saw it, in the words of the tests.
struct Seen: Equatable, CustomStringConvertible {
  var kind: CSyscallInterception_kind
  var range: Range<UInt64>
  var protection: UInt32 = 0
  var advice: UInt32 = 0
  /// The byte at the start of the range while the handler ran; -1 when nothing was mapped there.
  var content: Int32 = Pages.pattern

  var description: String {
    let bounds = "\(String(range.lowerBound, radix: 16))-\(String(range.upperBound, radix: 16))"
    return "kind \(kind.rawValue) \(bounds) prot \(protection) advice \(advice) content \(content)"
  }
}

/// What the recorder has written down since the last watch.
func recorded() -> [Seen] {
  (0..<CInterceptionRecorder_count()).map { index in
    let entry = CInterceptionRecorder_entry_at(index)
    let change = entry.change
    return Seen(
      kind: change.kind, range: change.start..<change.end, protection: change.protection,
      advice: change.advice, content: entry.content)
  }
}

@discardableResult
func install() -> CSyscallInterception_report {
  var report = CSyscallInterception_report()
  let result = CSyscallInterception_install(
    CInterceptionRecorder_filter, CInterceptionRecorder_handler, &report)
  precondition(result == 0, "install: \(result)")
  return report
}

/// Runs `body` with the hooks installed and `range` watched, and returns what they saw.
func recording(_ range: Range<UInt64>, _ body: () -> Void) -> [Seen] {
  install()
  CInterceptionRecorder_watch(range.lowerBound, range.upperBound)
  body()
  let seen = recorded()
  CSyscallInterception_uninstall()
  return seen
}
