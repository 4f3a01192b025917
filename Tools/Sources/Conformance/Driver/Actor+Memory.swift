import CConformance
import CWinsockDirect
import Glibc

// Memory and registrations.
extension Actor {
  /// The place that a memory's number and an offset mean; number -1 is NULL, -2 an address.
  func pointer(_ memory: Int, _ offset: Int) -> UnsafeMutableRawPointer? {
    switch memory {
    case -1: nil
    case -2: UnsafeMutableRawPointer(bitPattern: offset)
    default: memories[memory].base + offset
    }
  }

  func performMemory(_ call: Call) throws(Failure) -> Reply {
    let numbers = call.numbers
    if call.verb == .map {
      guard let kind = MappedMemory.Kind(rawValue: numbers[1]),
        let memory = MappedMemory(length: numbers[0], kind: kind)
      else { throw .notApplicable("there is not enough memory on this machine") }
      memories.append(memory)
      return Reply([memories.count - 1, Int(bitPattern: memory.base)])
    }
    let base = memories[numbers[0]].base + numbers[1]
    switch call.verb {
    case .fill: CConformance_fill(base, numbers[2], UInt64(numbers[3]))
    case .firstDifference:
      // The last number says whether the former pages are meant.
      let looked = numbers[5] == 0 ? base : memories[numbers[0]].formerPages.map { $0 + numbers[1] }
      guard let looked else { return Reply([-1]) }
      return Reply([
        Int(CConformance_first_difference(looked, numbers[4], numbers[2], UInt64(numbers[3])))
      ])
    case .replace:
      guard memories[numbers[0]].replacePages(offset: numbers[1], length: numbers[2]) else {
        throw .notApplicable("the kernel cannot move pages away from their addresses")
      }
    case .protect: return Reply([Int(mprotect(base, numbers[2], INT(numbers[3])))])
    default: return Reply([Int(munmap(base, numbers[2]))])
    }
    return Reply()
  }

  func performRegistration(_ call: Call) throws(Failure) -> Reply {
    let numbers = call.numbers
    switch call.verb {
    case .register: return try register(numbers)
    case .deregister:
      let function: LPFN_WSPDEREGISTERMEMORY = try provider.function(
        WSAID_DEREGISTERMEMORY, named: "WSPDeregisterMemory")
      return error {
        function(SOCKET(bitPattern: numbers[0]), HANDLE(bitPattern: numbers[1]), $0)
      }
    case .expose: return try expose(numbers)
    case .conceal:
      let function: LPFN_WSPDEREGISTERRDMAMEMORY = try provider.function(
        WSAID_DEREGISTERRDMAMEMORY, named: "WSPDeregisterRdmaMemory")
      var bytes = call.bytes
      return bytes.withUnsafeMutableBytes { bytes in
        error {
          function(SOCKET(bitPattern: numbers[0]), bytes.baseAddress, DWORD(bytes.count), $0)
        }
      }
    default: return try callBack(numbers)
    }
  }

  /// Socket, memory, offset, length, flags: the handle and the error.
  private func register(_ numbers: [Int]) throws(Failure) -> Reply {
    let function: LPFN_WSPREGISTERMEMORY = try provider.function(
      WSAID_REGISTERMEMORY, named: "WSPRegisterMemory")
    var error: INT = -1
    let handle = function(
      SOCKET(bitPattern: numbers[0]), pointer(numbers[1], numbers[2]),
      DWORD(truncatingIfNeeded: numbers[3]), DWORD(truncatingIfNeeded: numbers[4]), &error)
    return Reply([Int(bitPattern: handle), Int(error)])
  }

  /// Socket, memory, offset, length, flags, room: the error, the length afterwards, and everything
  /// in the room, which was filled with 0xEE.
  private func expose(_ numbers: [Int]) throws(Failure) -> Reply {
    let function: LPFN_WSPREGISTERRDMAMEMORY = try provider.function(
      WSAID_REGISTERRDMAMEMORY, named: "WSPRegisterRdmaMemory")
    var bytes = [UInt8](repeating: 0xEE, count: max(numbers[5], 1) + 64)
    var length = DWORD(numbers[5])
    let error = bytes.withUnsafeMutableBytes { bytes in
      ProviderUnderTest.error {
        function(
          SOCKET(bitPattern: numbers[0]), pointer(numbers[1], numbers[2]),
          DWORD(truncatingIfNeeded: numbers[3]), DWORD(truncatingIfNeeded: numbers[4]),
          bytes.baseAddress, &length, $0)
      }
    }
    return Reply([Int(error), Int(length)], bytes)
  }

  /// Memory, offset, length, and whether the allocator is held for other threads meanwhile: the
  /// result, the error, calls of the allocator, microseconds.
  private func callBack(_ numbers: [Int]) throws(Failure) -> Reply {
    let function: LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK = try provider.function(
      WSAID_MEMORYREGISTRATIONCACHECALLBACK, named: "WSPMemoryRegistrationCacheCallback")
    var error: INT = 0
    let address = pointer(numbers[0], numbers[1])
    let start = Stopwatch()
    CConformance_begin(numbers[3] != 0)
    let result = function(address, SIZE_T(numbers[2]), &error)
    let calls = CConformance_end()
    return Reply([Int(result), Int(error), Int(calls), start.microseconds])
  }
}
