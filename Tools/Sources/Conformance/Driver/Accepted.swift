import CWinsockDirect

/// What WSPAccept gave.
struct Accepted {
  let party: Party
  let descriptor: Int
  let error: INT
  let peerAddress: Int
  let conditionCalls: Int
  let wasOnCallersThread: Bool
  /// Switch's descriptors that there were while the condition function ran.
  let handlesMeanwhile: Int
  let callbackDataCame: Bool

  init(_ party: Party, _ numbers: [Int]) {
    self.party = party
    descriptor = numbers[0]
    error = INT(numbers[1])
    peerAddress = numbers[2]
    conditionCalls = numbers[4]
    wasOnCallersThread = numbers[5] == 1
    handlesMeanwhile = numbers[6]
    callbackDataCame = numbers[7] == 1
  }

  func socket() throws(Failure) -> Socket {
    guard descriptor != -1 else {
      throw .violated(expected: "WSPAccept: a descriptor", actual: ErrorName.text(error))
    }
    return Socket(party: party, descriptor: descriptor)
  }
}
