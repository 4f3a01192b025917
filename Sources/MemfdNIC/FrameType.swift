/// What a frame on a connection's socket is.
enum FrameType: UInt32 {
  /// The connecting side introduces itself. Descriptors: the reading end of the pipe to the
  /// listening side, the writing end of the pipe from it, the connecting side's access table.
  case hello = 1
  /// The listening side's answer: descriptor of its access table; or its refusal.
  case accept
  case refuse
  /// A message; the payload follows the header.
  case message
  /// `length` bytes of an RDMA write are in the pipe.
  case write
  /// Every write up to `sequence` is in the memory.
  case writeAcknowledged
  /// Asks for an RDMA read of `total` bytes.
  case read
  /// `length` bytes of the answer to a read are in the pipe.
  case readData
  /// The request `sequence` was refused; the connection ends.
  case refused
  /// Asks for the memfd of an exposure; and the answer, with its descriptor.
  case attach
  case attached
  /// The sender's end now belongs to the process `slot`, which watches over it from here on.
  case moved
}
