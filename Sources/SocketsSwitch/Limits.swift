/// Every bound of this module, in one place.
package enum Limits {
  /// Providers loaded at once; as many as a process can publish.
  package static let maximumProviders = 16
  /// Sockets that providers have handles for at once.
  package static let maximumSocketHandles = 16384
  /// Event objects at once.
  package static let maximumEvents = 32768
  /// Bytes of the answer to SIO_ADDRESS_LIST_QUERY that are accepted.
  package static let maximumAddressListBytes = 1 << 20
  /// Bytes of an RDMA descriptor that are accepted.
  package static let maximumDescriptorBytes = 4096
  /// Bytes of a short message.
  package static let maximumShortMessageBytes = 4096
  /// Buffers in one request.
  package static let maximumSegments = 16
  /// Bytes of a file of the catalogue.
  package static let maximumCatalogFileBytes = 65_536
  /// The prefix of a subnet where the provider's addresses are all that is known of it.
  package static let defaultPrefixLength: UInt8 = 24
}
