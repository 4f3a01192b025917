/// An event of the switch's.
struct Event {
  let party: Party
  let number: Int

  func wait(milliseconds: Int = 5000) throws(Failure) -> Bool {
    try party.ask(.waitForEvent, [number, milliseconds]).numbers[0] == 1
  }

  func isSet() throws(Failure) -> Bool { try wait(milliseconds: 0) }
}
