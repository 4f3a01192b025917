import ArgumentParser
import Glibc

/// Says on one line of standard error what is wrong with the arguments; the exit status is 64, as for
/// everything that is wrong usage.
func usageFailure(_ message: String) -> ExitCode {
  _ = failure(message)
  return .validationFailure
}
