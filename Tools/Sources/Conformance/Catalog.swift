/// Every assertion, in the order of the specification.
enum Catalog {
  static let assertions: [Assertion] =
    binaryInterface + startUp + discovery + sockets + connections + registrations
    + remoteRegistrations + cache + callbacks + completions + transfers + limits + closing
    + handOver

  static func assertion(_ id: String) -> Assertion? { assertions.first { $0.id == id } }
}
