import Glibc

/// Waits until something is so, at most `seconds`; returns whether it is.
func waits(seconds: Double = 10, until condition: () -> Bool) -> Bool {
  var left = Int(seconds * 100)
  while !condition() {
    if left == 0 { return false }
    left -= 1
    usleep(10_000)
  }
  return true
}
