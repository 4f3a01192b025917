import ArgumentParser

/// Another library whose hooks are measured in place of ours.
enum CoveragePeer: String, ExpressibleByArgument, Sendable {
  case ucx
}
