import ArgumentParser

/// How secured regions lie.
enum SecuredLayout: String, CaseIterable, ExpressibleByArgument {
  /// A page each, one after the other.
  case adjacentPages = "adjacent_pages"
  /// 64 KiB each, one after the other.
  case adjacent = "adjacent_64kib"
  /// 64 KiB each, 1 MiB apart.
  case scattered = "scattered_64kib"

  var bytes: Int { self == .adjacentPages ? 4096 : 65_536 }
  var distance: Int { self == .scattered ? 1 << 20 : bytes }
}
