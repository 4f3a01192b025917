import CMemfdNIC
import Glibc
import VirtualMemory

/// What this end has mapped of the peer's memory. It belongs to the transmit thread.
final class AttachmentTable {
  struct Attachment {
    var slot: UInt32 = 0
    /// 0: the entry is free.
    var nonce: UInt32 = 0
    /// The mapping, and where in it the exposed range begins.
    var base = UnsafeMutableRawPointer(bitPattern: Int(Page.size)).unsafelyUnwrapped
    var mappedBytes = 0
    var start = UnsafeMutableRawPointer(bitPattern: Int(Page.size)).unsafelyUnwrapped
    var length: UInt64 = 0
    var access: MemoryAccess = []
  }

  private let attachments: UnsafeMutablePointer<Attachment>
  /// The entry that is given up when all are in use.
  private var oldest = 0

  init() {
    attachments = .allocate(capacity: Limits.maximumAttachments)
    attachments.initialize(repeating: Attachment(), count: Limits.maximumAttachments)
  }

  deinit {
    detachAll()
    attachments.deallocate()
  }

  func find(slot: UInt32, nonce: UInt32) -> Attachment? {
    for index in 0..<Limits.maximumAttachments
    where attachments[index].nonce == nonce && attachments[index].slot == slot {
      return attachments[index]
    }
    return nil
  }

  /// Maps what the peer offers.
  ///
  /// Throws `protocolViolation` for an offer that could hurt: memory that can shrink under our
  /// hands, or a range that is not in it.
  func attach(
    _ offer: borrowing AttachmentOffer, slot: UInt32, nonce: UInt32
  ) throws(MemfdNICError) -> Attachment {
    let fileLength = CMemfdNIC_sealed_length(offer.descriptor.number)
    let (end, overflow) = offer.offset.addingReportingOverflow(offer.length)
    guard nonce != 0, fileLength >= 0, !overflow, end <= UInt64(fileLength) else {
      throw .protocolViolation
    }
    let lead = Int(offer.offset & UInt64(Page.size - 1))
    let bytes = max(Int(offer.length) + lead, 1)
    let protection = offer.access.contains(.write) ? PROT_READ | PROT_WRITE : PROT_READ
    let base = mmap(
      nil, bytes, protection, MAP_SHARED, offer.descriptor.number, Int(offer.offset) - lead)
    guard let base, base != MAP_FAILED else { throw .exhausted }
    madvise(base, bytes, MADV_DONTFORK)
    let attachment = Attachment(
      slot: slot, nonce: nonce, base: base, mappedBytes: bytes, start: base + lead,
      length: offer.length, access: offer.access)
    let index = freeIndex(slot)
    detach(index)
    attachments[index] = attachment
    return attachment
  }

  /// An entry for a slot: that of the slot's earlier use, a free one, or the oldest.
  private func freeIndex(_ slot: UInt32) -> Int {
    var free: Int?
    for index in 0..<Limits.maximumAttachments {
      if attachments[index].nonce == 0 {
        if free == nil { free = index }
      } else if attachments[index].slot == slot {
        return index
      }
    }
    if let free { return free }
    oldest = (oldest + 1) % Limits.maximumAttachments
    return oldest
  }

  private func detach(_ index: Int) {
    if attachments[index].nonce == 0 { return }
    munmap(attachments[index].base, attachments[index].mappedBytes)
    attachments[index].nonce = 0
  }

  /// Unmaps everything.
  func detachAll() {
    for index in 0..<Limits.maximumAttachments { detach(index) }
  }
}
