import ArgumentParser

/// Another library whose hooks are measured in place of ours.
enum CoveragePeer: String, ExpressibleByArgument, CaseIterable, Sendable {
  case ucx
}
