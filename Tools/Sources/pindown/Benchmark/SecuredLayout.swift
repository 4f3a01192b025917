import ArgumentParser

/// How secured regions lie.
struct SecuredLayout: ExpressibleByArgument {
  let name: String
  /// Of a region, and from the start of one to the start of the next.
  let bytes: Int
  let distance: Int

  static let all: [SecuredLayout] =
    [SecuredLayout("adjacent_pages", 4, 4), SecuredLayout("adjacent_64kib", 64, 64)]
    + [4, 64].flatMap { bytes in
      [
        SecuredLayout("\(bytes)kib_every_256kib", bytes, 256),
        SecuredLayout("\(bytes)kib_every_1mib", bytes, 1 << 10),
        SecuredLayout("\(bytes)kib_every_16mib", bytes, 16 << 10),
      ]
    }

  private init(_ name: String, _ kibibytes: Int, _ distance: Int) {
    self.name = name
    self.bytes = kibibytes << 10
    self.distance = distance << 10
  }

  init?(argument: String) {
    guard let layout = Self.all.first(where: { $0.name == argument }) else { return nil }
    self = layout
  }
}
