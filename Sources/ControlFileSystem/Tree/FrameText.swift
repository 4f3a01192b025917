/// How page frames are written.
enum FrameText {
  /// Pages of the largest region whose frames are listed: 4 GiB.
  static let maximumPages: UInt = 1 << 20

  /// The frame that was pinned, or `unknown` where the process could not see it.
  static func pinned(_ frame: UInt64?) -> String {
    guard let frame, frame != 0 else { return "unknown" }
    return Text.hexadecimal(frame)
  }

  /// The frame that is mapped: `absent` where there is none, `unknown` where we may not see it.
  static func mapped(_ frame: Pagemap.Frame) -> String {
    switch frame {
    case .present(let number): Text.hexadecimal(number)
    case .absent: "absent"
    case .hidden: "unknown"
    }
  }

  /// Whether the adapters and the application have the same page.
  static func comparison(pinned: UInt64?, mapped: Pagemap.Frame) -> String {
    guard let pinned, pinned != 0 else { return "unknown" }
    switch mapped {
    case .present(let number): return number == pinned ? "same" : "different"
    case .absent: return "different"
    case .hidden: return "unknown"
    }
  }
}
