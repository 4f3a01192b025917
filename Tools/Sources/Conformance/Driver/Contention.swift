import CWinsockDirect
import Glibc

/// Threads that register, write and deregister one buffer, while another calls the provider back for
/// it (C61).
enum Contention {
  private static let workers = 3
  private static let milliseconds = 1500

  /// What a thread needs; its own, but for the buffer.
  private final class Worker: @unchecked Sendable {
    let functions: WSPPROC_TABLE
    let register: LPFN_WSPREGISTERMEMORY
    let deregister: LPFN_WSPDEREGISTERMEMORY
    let write: LPFN_WSPRDMAWRITE
    let socket: SOCKET
    let memory: UnsafeMutableRawPointer
    let length: Int
    var descriptor: [UInt8]
    let overlapped: LPWSAOVERLAPPED
    /// How many rounds it made, and what it found wrong.
    var rounds = 0
    var mistake: String?

    init(
      _ session: Session, _ socket: Socket, _ memory: Buffer, _ descriptor: [UInt8]
    ) throws(Failure) {
      let provider = session.provider
      functions = provider.functions
      register = try provider.function(WSAID_REGISTERMEMORY, named: "WSPRegisterMemory")
      deregister = try provider.function(WSAID_DEREGISTERMEMORY, named: "WSPDeregisterMemory")
      write = try provider.function(WSAID_RDMAWRITE, named: "WSPRdmaWrite")
      self.socket = SOCKET(bitPattern: socket.descriptor)
      guard let base = UnsafeMutableRawPointer(bitPattern: memory.address) else {
        preconditionFailure("memory has an address")
      }
      self.memory = base
      length = memory.length
      self.descriptor = descriptor
      overlapped = .allocate(capacity: 1)
      overlapped.initialize(to: WSAOVERLAPPED())
      overlapped.pointee.hEvent = HANDLE(bitPattern: UpcallRecorder.shared.makeEvent() | 1)
    }

    /// One round; false where the connection is over, which it may be.
    func round() -> Bool {
      var error: INT = 0
      guard let handle = register(socket, memory, DWORD(length), DWORD(MEM_READ), &error) else {
        if ![WSAENOBUFS, WSAENOTCONN, WSAECONNABORTED, WSAECONNRESET, WSAEFAULT].contains(error) {
          mistake = "WSPRegisterMemory: \(ErrorName.text(error))"
        }
        return error == WSAENOBUFS
      }
      let moved = transfer(handle)
      let result = deregister(socket, handle, &error)
      // Of a connection that is over, everything may be gone.
      if result != 0 && moved == 0 {
        mistake = "WSPDeregisterMemory after the transfer: \(ErrorName.text(error))"
      }
      rounds += 1
      return moved == 0 || moved == WSAEFAULT || moved == WSAEINVAL
    }

    private func transfer(_ handle: HANDLE) -> INT {
      var buffer = WSABUFEX(
        len: ULONG(length), buf: memory.assumingMemoryBound(to: CHAR.self), handle: handle)
      var byteCount: DWORD = 0
      var error: INT = 0
      overlapped.pointee.Internal = 0
      let result = write(
        socket, &buffer, 1, &descriptor, DWORD(descriptor.count), 0, &byteCount, 0, overlapped,
        nil, nil, &error)
      if result == 0 { return 0 }
      if error != WSA_IO_PENDING { return error }
      var flags: DWORD = 0
      while functions.lpWSPGetOverlappedResult(
        socket, overlapped, &byteCount, 0, &flags, &error) == 0
      {
        if error != WSA_IO_INCOMPLETE { return error }
        sched_yield()
      }
      return 0
    }
  }

  static func run(_ session: Session) throws(Failure) {
    let here = try session.here()
    let memory = try here.makeMemory(pages: 8)
    _ = try here.callBack(memory)
    let before = try here.pinnedBytes()
    var sockets: [Socket] = []
    var staff: [Worker] = []
    for index in 0..<workers {
      let adapter = index % min(2, try session.addresses().count)
      let pair = try session.pair(adapter: adapter)
      let target = try pair.far.party.makeMemory(pages: 8)
      sockets.append(pair.near)
      staff.append(
        try Worker(session, pair.near, memory, try pair.far.exposed(target, MEM_WRITE)))
    }
    let threads = staff.map { worker in
      WorkerThread {
        let watch = Stopwatch()
        while worker.mistake == nil && watch.milliseconds < milliseconds && worker.round() {}
      }
    }
    let watch = Stopwatch()
    while watch.milliseconds < milliseconds {
      let answer = try here.callBack(memory)
      try expect(
        answer.error, in: [0, WSAEINVAL, WSAEFAULT], "the callback while others register and write")
      sched_yield()
    }
    for thread in threads { thread.join() }
    for worker in staff {
      if let mistake = worker.mistake {
        throw .violated(expected: "transfers that end, or are refused", actual: mistake)
      }
      try expect(worker.rounds > 0, "each thread to register at least once", "none")
    }
    for socket in sockets { try socket.close() }
    _ = try here.callBack(memory)
    let left = try here.pinnedBytes() - before
    try expect(left <= 0, "nothing pinned when everything is closed", "\(left) bytes")
  }
}

/// A thread of the system's.
final class WorkerThread: @unchecked Sendable {
  private let body: @Sendable () -> Void
  private var thread = pthread_t()

  init(_ body: @escaping @Sendable () -> Void) {
    self.body = body
    let error = pthread_create(
      &thread, nil,
      { context in
        if let context {
          Unmanaged<WorkerThread>.fromOpaque(context).takeUnretainedValue().body()
        }
        return nil
      }, Unmanaged.passUnretained(self).toOpaque())
    precondition(error == 0, "a thread could not be made")
  }

  func join() { pthread_join(thread, nil) }
}
