import Inspection
import MemfdNIC

/// How much of everything the provider keeps, and what it answers about it.
enum ProviderLimits {
  /// Sockets of the process, in any state. What is behind these is for providers in C.
  static let maximumSockets = KitRecords.sockets.lowerBound
  /// Handles and descriptors that are out at once, over all sockets.
  static let maximumRegistrations = KitRecords.registrations.lowerBound
  /// Requests that a socket can have pending: both queues of its queue pair.
  static let requestsPerSocket = 2 * Limits.queueDepth
  /// Buffers of a request.
  static let maximumBuffers = Limits.maximumSegments
  /// Connection requests that wait at a listening socket; a larger backlog means this one.
  static let maximumBacklog = 128
  /// SO_RDMA_THRESHOLD_SIZE: with more bytes than this, RDMA is worth its control messages.
  static let rdmaThresholdBytes = 4096
}
