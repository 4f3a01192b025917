import CWinsockDirect
import Glibc

/// Threads that register, write and deregister one buffer, while another calls the provider back for
/// it (C61).
enum Contention {
  private static let workers = 3
  private static let milliseconds = 1500

  static func run(_ session: Session) throws(Failure) {
    let here = try session.here()
    let memory = try here.makeMemory(pages: 8)
    _ = try here.callBack(memory)
    let before = try here.pinnedBytes()
    var sockets: [Socket] = []
    var staff: [ContentionWorker] = []
    for index in 0..<workers {
      let adapter = index % min(2, try session.addresses().count)
      let pair = try session.pair(adapter: adapter)
      let target = try pair.far.party.makeMemory(pages: 8)
      sockets.append(pair.near)
      staff.append(
        try ContentionWorker(session, pair.near, memory, try pair.far.exposed(target, MEM_WRITE)))
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
      // Long enough for some transfers to come through in between.
      usleep(UInt32(watch.milliseconds % 4) * 100)
    }
    for thread in threads { thread.join() }
    for worker in staff {
      if let mistake = worker.mistake {
        throw .violated(expected: "transfers that end, or are refused", actual: mistake)
      }
    }
    let rounds = staff.reduce(0) { $0 + $1.rounds }
    try expect(rounds > 0, "a registration to come through", "none in \(milliseconds) ms")
    for socket in sockets { try socket.close() }
    _ = try here.callBack(memory)
    let left = try here.pinnedBytes() - before
    try expect(left <= 0, "nothing pinned when everything is closed", "\(left) bytes")
  }
}
