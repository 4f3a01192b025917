import ArgumentParser

/// How secured regions lie.
enum SecuredLayout: String, CaseIterable, ExpressibleByArgument {
  /// A page each, one after the other.
  case adjacentPages = "adjacent_pages"
  /// 64 KiB each, one after the other.
  case adjacent = "adjacent_64kib"
  /// 64 KiB each, 256 KiB from one to the next.
  case near = "64kib_every_256kib"
  /// 64 KiB each, 1 MiB from one to the next.
  case far = "64kib_every_1mib"

  var bytes: Int { self == .adjacentPages ? 4096 : 65_536 }
  var distance: Int {
    switch self {
    case .adjacentPages, .adjacent: bytes
    case .near: 256 << 10
    case .far: 1 << 20
    }
  }
}
