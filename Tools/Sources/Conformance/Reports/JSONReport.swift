/// One JSON object.
enum JSONReport {
  static func document(_ results: [AssertionResult], path: String, strict: Bool) -> String {
    let rows = results.map(row).joined(separator: ",\n    ")
    let breaches = results.count { $0.isBreach(strict: strict) }
    return """
      {
        "provider": \(quoted(path)),
        "conforms": \(breaches == 0),
        "assertions": [
          \(rows)
        ]
      }

      """
  }

  private static func row(_ result: AssertionResult) -> String {
    var (status, expected, actual, reason) = ("passed", "null", "null", "null")
    switch result.verdict {
    case .passed: break
    case .failed(let wanted, let came):
      (status, expected, actual) = ("failed", quoted(wanted), quoted(came))
    case .notApplicable(let why): (status, reason) = ("not applicable", quoted(why))
    }
    return """
      {"id": \(quoted(result.id)), "grade": \(quoted(result.grade.rawValue)), \
      "title": \(quoted(result.title)), "status": \(quoted(status)), "expected": \(expected), \
      "actual": \(actual), "reason": \(reason), "duration_ms": \(result.milliseconds)}
      """
  }

  /// Also a string of YAML.
  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      case let scalar where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
