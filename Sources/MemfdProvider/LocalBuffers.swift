import CWinsockDirect
import Inspection
import MemfdNIC
import RegistrationCache
import VirtualMemory

/// The local memory of one request: its segments, and the registrations that it uses, each counted
/// in the record's `users` until the request has ended.
///
/// The caller's arrays are not looked at again (C72).
struct LocalBuffers {
  let segments: UnsafeMutableBufferPointer<LocalSegment>
  let records: UnsafeMutableBufferPointer<UInt32>
  private(set) var count = 0
  private(set) var byteCount: UInt64 = 0

  /// Collects into memory for `ProviderLimits.maximumBuffers` of each.
  init(
    segments: UnsafeMutableBufferPointer<LocalSegment>,
    records: UnsafeMutableBufferPointer<UInt32>
  ) {
    self.segments = segments
    self.records = records
  }

  var usedSegments: UnsafeBufferPointer<LocalSegment> {
    UnsafeBufferPointer(rebasing: segments[..<count])
  }
  var usedRecords: UnsafeBufferPointer<UInt32> { UnsafeBufferPointer(rebasing: records[..<count]) }

  /// Counts `record` as used and adds the segment.
  mutating func append(_ segment: LocalSegment, of record: UInt32, in table: RegistrationTable) {
    table.record(record).users.add(1)
    segments[count] = segment
    records[count] = record
    count += 1
    byteCount += UInt64(segment.length)
  }

  /// Ends the use of everything that was collected: the request did not start.
  func release(in table: RegistrationTable) {
    for record in usedRecords { table.record(record).users.subtract(1) }
  }
}

extension Socket {
  /// Finds the registrations of buffers that come without handles (C73), for a send (`access` is
  /// `.read`) or a receive (`.write`).
  func collect(
    _ buffers: UnsafeBufferPointer<WSABUF>, access: MemoryAccess, into result: inout LocalBuffers
  ) throws(SocketsError) {
    try memory.withLock { (memory) throws(SocketsError) in
      for buffer in buffers where buffer.len > 0 {
        let range = try AddressRange(buffer: buffer.buf, byteCount: buffer.len)
        guard let registration = memory.registration(containing: range, access: access)
        else { throw .fault }
        try add(range, of: registration.record, registration.region, to: &result)
      }
    }
  }

  /// Checks buffers that come with handles: each must belong to this socket, contain the buffer and
  /// allow the access, whatever the region behind it grants (C47, C50, C68, C74).
  func collect(
    _ buffers: UnsafeBufferPointer<WSABUFEX>, access: MemoryAccess, into result: inout LocalBuffers
  ) throws(SocketsError) {
    try memory.withLock { (memory) throws(SocketsError) in
      for buffer in buffers {
        guard let index = provider.registrations.index(of: buffer.handle, socket: self.index)
        else { throw .invalid }
        if buffer.len == 0 { continue }
        let range = try AddressRange(buffer: buffer.buf, byteCount: buffer.len)
        let record = provider.registrations.record(index)
        let granted = AddressRange(
          start: UInt(record.start.loadRelaxed()), end: UInt(record.end.loadRelaxed()))
        guard granted.contains(range),
          MemoryAccess(rawValue: UInt8(record.access.loadRelaxed())).isSuperset(of: access)
        else { throw .fault }
        let region = RegionReference(
          slot: record.region.loadRelaxed(), generation: record.regionGeneration.loadRelaxed())
        try add(range, of: index, region, to: &result)
      }
    }
  }

  /// Throws `.fault` where the mapping under the registration has changed since.
  private func add(
    _ range: AddressRange, of record: UInt32, _ region: RegionReference,
    to result: inout LocalBuffers
  ) throws(SocketsError) {
    let adapter = Int(provider.registrations.record(record).nic.loadRelaxed())
    guard let key = provider.cache.key(region, adapter: adapter) else { throw .fault }
    let segment = LocalSegment(
      address: range.start, length: UInt32(range.length), key: RegistrationKey(rawValue: key))
    result.append(segment, of: record, in: provider.registrations)
  }
}
