import ArgumentParser
import Glibc

/// Says on one line of standard error what is wrong and what to do; the exit status is 1.
func failure(_ message: String) -> ExitCode {
  let line = "pindown: \(message)\n"
  _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
  return .failure
}
