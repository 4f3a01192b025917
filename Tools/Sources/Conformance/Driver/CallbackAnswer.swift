import CWinsockDirect

/// What a provider made of its callback.
struct CallbackAnswer {
  let result: INT
  /// As it was left in *lpErrno.
  let number: INT
  let allocatorCalls: Int
  let microseconds: Int

  init(_ numbers: [Int]) {
    (result, number) = (INT(numbers[0]), INT(numbers[1]))
    (allocatorCalls, microseconds) = (numbers[2], numbers[3])
  }

  /// 0, or why it failed.
  var error: INT { result == 0 ? 0 : number }
}
