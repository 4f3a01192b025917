import CInspection

extension PublishedProcess {
  /// The records of a table that were ever written. Their size divides that of a page.
  ///
  /// The memfd is sparse. Reading a hole through the mapping would fill it, at the cost of the
  /// process; so the kernel is asked first which parts exist.
  func usedRecords<R: Record>(
    _ type: R.Type, offset: Int, count: Int
  ) -> [(index: Int, record: R)] {
    var records: [(index: Int, record: R)] = []
    let end = offset + count * R.stride
    var position = offset
    while position < end {
      let data = CInspection_next_data(descriptor, position)
      if data < 0 || data >= end { break }
      let hole = CInspection_next_hole(descriptor, data)
      let stop = hole < 0 ? end : min(hole, end)
      for index in (data - offset) / R.stride..<(stop - offset) / R.stride {
        records.append((index, R(base: base + (offset + index * R.stride))))
      }
      position = stop
    }
    return records
  }

  /// The text of a fixed field that ends with a zero byte, or with the field.
  func text(at address: UnsafeMutableRawPointer, capacity: Int) -> String {
    let bytes = UnsafeRawBufferPointer(start: address, count: capacity)
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
