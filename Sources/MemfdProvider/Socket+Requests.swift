import CWinsockDirect
import Inspection
import MemfdNIC
import VirtualMemory

extension Socket {
  /// Starts a request: copies its arguments, collects its local memory, marks the overlapped
  /// structure as in progress and posts. It always throws: `.pending` where the request has started,
  /// anything else where nothing has and no completion will follow (C62, C65).
  func start<Buffer>(
    _ arguments: TransferArguments<Buffer>, isReceive: Bool,
    collect: (UnsafeBufferPointer<Buffer>, inout LocalBuffers) throws(SocketsError) -> Void,
    post: (UnsafeBufferPointer<LocalSegment>, RemoteDescriptor, UInt64)
      throws(MemfdNICError) -> Void
  ) throws(SocketsError) {
    let failure = withUnsafeTemporaryAllocation(
      of: Buffer.self, capacity: arguments.bufferCount
    ) { copy in
      do throws(SocketsError) {
        let values = try arguments.read(buffers: copy.baseAddress)
        if values.flags != 0 { throw .notSupported }
        let request = RequestParts(
          structure: arguments.overlapped, values: values, isReceive: isReceive)
        return begin(request, UnsafeBufferPointer(copy), collect: collect, post: post)
      } catch {
        return error
      }
    }
    throw failure
  }

  private struct RequestParts {
    let structure: LPWSAOVERLAPPED
    let values: TransferValues
    let isReceive: Bool
  }

  private func begin<Buffer>(
    _ request: RequestParts, _ given: UnsafeBufferPointer<Buffer>,
    collect: (UnsafeBufferPointer<Buffer>, inout LocalBuffers) throws(SocketsError) -> Void,
    post: (UnsafeBufferPointer<LocalSegment>, RemoteDescriptor, UInt64)
      throws(MemfdNICError) -> Void
  ) -> SocketsError {
    let count = ProviderLimits.maximumBuffers
    return withUnsafeTemporaryAllocation(of: LocalSegment.self, capacity: count) { segments in
      withUnsafeTemporaryAllocation(of: UInt32.self, capacity: count) { records in
        var buffers = LocalBuffers(segments: segments, records: records)
        do throws(SocketsError) {
          try collect(given, &buffers)
          try begin(request, buffers, post: post)
          return SocketsError.pending
        } catch {
          buffers.release(in: provider.registrations)
          return error
        }
      }
    }
  }

  private func begin(
    _ request: RequestParts, _ buffers: LocalBuffers,
    post: (UnsafeBufferPointer<LocalSegment>, RemoteDescriptor, UInt64)
      throws(MemfdNICError) -> Void
  ) throws(SocketsError) {
    let overlapped = Overlapped(request.structure)
    let isReceive = request.isReceive
    guard
      let number = requests.begin(
        request.structure, notifies: !request.values.isPolled, isReceive: isReceive,
        using: buffers.usedRecords)
    else { throw .noBuffers }
    let pending = isReceive ? record.pendingReceives : record.pendingSends
    pending.add(1)
    overlapped.begin()
    do throws(MemfdNICError) {
      try post(buffers.usedSegments, request.values.descriptor, number)
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
