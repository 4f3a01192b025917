import CWinsockDirect
import Inspection
import MemfdNIC
import VirtualMemory

extension Socket {
  /// Starts a request: collects its local memory, marks the overlapped structure as in progress and
  /// posts. It always throws: `.pending` where the request has started, anything else where nothing
  /// has and no completion will follow (C62, C65).
  func start(
    _ structure: LPWSAOVERLAPPED, isReceive: Bool,
    collect: (inout LocalBuffers) throws(SocketsError) -> Void,
    post: (UnsafeBufferPointer<LocalSegment>, UInt64) throws(MemfdNICError) -> Void
  ) throws(SocketsError) {
    let count = ProviderLimits.maximumBuffers
    let failure = withUnsafeTemporaryAllocation(of: LocalSegment.self, capacity: count) {
      segments in
      withUnsafeTemporaryAllocation(of: UInt32.self, capacity: count) { records in
        var buffers = LocalBuffers(segments: segments, records: records)
        do throws(SocketsError) {
          try collect(&buffers)
          try begin(structure, isReceive: isReceive, buffers, post: post)
          return SocketsError.pending
        } catch {
          buffers.release(in: provider.registrations)
          return error
        }
      }
    }
    throw failure
  }

  private func begin(
    _ structure: LPWSAOVERLAPPED, isReceive: Bool, _ buffers: LocalBuffers,
    post: (UnsafeBufferPointer<LocalSegment>, UInt64) throws(MemfdNICError) -> Void
  ) throws(SocketsError) {
    let overlapped = Overlapped(structure)
    guard
      let number = requests.begin(
        structure, notifies: !overlapped.isPolled, isReceive: isReceive,
        using: buffers.usedRecords)
    else { throw .noBuffers }
    let pending = isReceive ? record.pendingReceives : record.pendingSends
    pending.add(1)
    overlapped.begin()
    do throws(MemfdNICError) {
      try post(buffers.usedSegments, number)
    } catch {
      pending.subtract(1)
      requests.end(number)
      let failure = notStarted(error)
      overlapped.abandon(error: failure.number)
      throw failure
    }
  }

  /// Why a request was refused: that the connection is over, or the socket closed, by their names.
  private func notStarted(_ error: MemfdNICError) -> SocketsError {
    guard error == .notConnected || error == .invalidState else {
      return SocketsError(posting: error)
    }
    do throws(SocketsError) {
      _ = try connected()
      return SocketsError(posting: error)
    } catch {
      return error
    }
  }
}
