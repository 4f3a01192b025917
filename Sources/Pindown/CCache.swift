public import CPindown
import Glibc
import Inspection
import RegistrationCache
import VirtualMemory

// The provider kit, first part: the registration cache. Handles are the cache itself.

extension RegistrationCacheError {
  /// As the C interface answers.
  fileprivate var code: Int32 {
    switch self {
    case .invalidRange: -EINVAL
    case .notMapped: -EFAULT
    case .changing: -EAGAIN
    case .exhausted: -ENOBUFS
    case .unavailable: -EOPNOTSUPP
    case .system(let errno): -errno
    }
  }
}

private func cache(_ handle: OpaquePointer) -> RegistrationCache {
  Unmanaged<RegistrationCache>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

extension RegionReference {
  init(_ region: pindown_region) {
    self.init(slot: region.slot, generation: region.generation)
  }
}

extension CacheLimits {
  /// C says 0 for "no limit".
  fileprivate init(_ bytes: UInt64, _ regions: UInt64) {
    self.init(
      maximumBytes: bytes == 0 ? .max : bytes, maximumRegions: regions == 0 ? .max : regions)
  }
}

private func isPublished(_ name: String) -> Bool {
  guard let publication = try? Publication.current() else { return false }
  return (0..<Layout.maximumProviders).contains { index in
    let record = publication.provider(index)
    let bytes = record.name.assumingMemoryBound(to: CChar.self)
    return record.state.load() != 0 && String(cString: bytes) == name
  }
}

private func publishAbilities(of cache: RegistrationCache) {
  guard let publication = try? Publication.current() else { return }
  var bits = cache.pinsMemory ? AbilityBit.pins : 0
  if Abilities.current.seesPageFrames { bits |= AbilityBit.frames }
  publication.update { _ = publication.header.abilities.formUnion(bits) }
}

@c @implementation
public func pindown_cache_create(
  _ options: UnsafePointer<pindown_cache_options>!, _ handle: UnsafeMutablePointer<OpaquePointer?>!
) -> Int32 {
  guard let handle, let options = options?.pointee,
    options.size == MemoryLayout<pindown_cache_options>.size, let text = options.name,
    let attach = options.attach, let detach = options.detach
  else { return -EINVAL }
  let name = String(cString: text)
  guard !name.isEmpty, name.utf8.count < ProviderRecord.nameBytes, !name.contains("/") else {
    return -EINVAL
  }
  if isPublished(name) { return -EEXIST }
  do throws(RegistrationCacheError) {
    let cache = try RegistrationCache(
      providerName: name,
      adapters: AdapterOperations(
        context: options.context, register: attach, deregister: detach),
      pinsMemory: options.segment_only == 0,
      limits: CacheLimits(options.max_bytes, options.max_regions))
    publishAbilities(of: cache)
    handle.pointee = OpaquePointer(Unmanaged.passRetained(cache).toOpaque())
    return 0
  } catch .exhausted {
    return -ENOMEM
  } catch {
    return error.code
  }
}

@c @implementation
public func pindown_cache_destroy(_ handle: OpaquePointer!) {
  let ended = Unmanaged<RegistrationCache>.fromOpaque(UnsafeRawPointer(handle))
  ended.takeUnretainedValue().shutDown()
  ended.release()
}

@c @implementation
public func pindown_cache_register(
  _ handle: OpaquePointer!, _ buffer: UnsafeRawPointer!, _ length: Int, _ access: UInt32,
  _ adapter: UInt32, _ region: UnsafeMutablePointer<pindown_region>!
) -> Int32 {
  guard let buffer, let region, (1...3).contains(access), adapter < Layout.maximumNICs,
    let range = AddressRange(start: UInt(bitPattern: buffer), length: UInt(bitPattern: length))
  else { return -EINVAL }
  do throws(RegistrationCacheError) {
    let reference = try cache(handle).register(
      range, access: MemoryAccess(rawValue: UInt8(access)), adapter: Int(adapter))
    region.pointee = pindown_region(slot: reference.slot, generation: reference.generation)
    return 0
  } catch {
    return error.code
  }
}

@c @implementation
public func pindown_cache_key(
  _ handle: OpaquePointer!, _ region: pindown_region, _ adapter: UInt32,
  _ key: UnsafeMutablePointer<UInt32>!
) -> Int32 {
  guard adapter < Layout.maximumNICs else { return -EINVAL }
  guard let found = cache(handle).key(RegionReference(region), adapter: Int(adapter)) else {
    return -ESTALE
  }
  key.pointee = found
  return 0
}

@c @implementation
public func pindown_cache_range(
  _ handle: OpaquePointer!, _ region: pindown_region, _ start: UnsafeMutablePointer<UInt>!,
  _ end: UnsafeMutablePointer<UInt>!
) {
  let range = cache(handle).range(of: RegionReference(region))
  start.pointee = range.start
  end.pointee = range.end
}

@c @implementation
public func pindown_cache_release(_ handle: OpaquePointer!, _ region: pindown_region) {
  cache(handle).release(RegionReference(region))
}

// Hook context: no allocation here.
@c @implementation
public func pindown_cache_invalidate(
  _ handle: OpaquePointer!, _ address: UnsafeRawPointer!, _ length: Int
) -> Int32 {
  guard
    let range = AddressRange(start: UInt(bitPattern: address), length: UInt(bitPattern: length))
  else { return -EINVAL }
  switch cache(handle).invalidate(range) {
  case .invalidated: return 0
  case .notCached: return -ENOENT
  case .failed: return -EBUSY
  }
}

@c @implementation
public func pindown_cache_flush(_ handle: OpaquePointer!) { cache(handle).flush() }

@c @implementation
public func pindown_cache_release_adapter(_ handle: OpaquePointer!, _ adapter: UInt32) {
  guard adapter < Layout.maximumNICs else { return }
  cache(handle).releaseCached(adapter: Int(adapter))
}

@c @implementation
public func pindown_cache_set_limits(
  _ handle: OpaquePointer!, _ bytes: UInt64, _ regions: UInt64
) {
  cache(handle).limits = CacheLimits(bytes, regions)
}

@c @implementation
public func pindown_cache_read_statistics(
  _ handle: OpaquePointer!, _ statistics: UnsafeMutablePointer<pindown_cache_statistics>!
) {
  let now = cache(handle).statistics
  statistics.pointee = pindown_cache_statistics(
    hits: now.hits, misses: now.misses, merges: now.merges, evictions: now.evictions,
    invalidations: now.invalidations, registrations: now.registrations,
    deregistrations: now.deregistrations, failures: now.failures, quarantined: now.quarantined,
    regions: now.regions, bytes: now.bytes, pinned_bytes: now.pinnedBytes)
}

@c @implementation
public func pindown_pages_write(
  _ handle: OpaquePointer!, _ pages: pindown_pages, _ address: UInt,
  _ bytes: UnsafeRawPointer!, _ length: Int
) -> Int32 {
  PageCopy.write(
    UnsafeRawBufferPointer(start: bytes, count: length), to: address, of: pages,
    pins: cache(handle).pinTable)
}

@c @implementation
public func pindown_pages_read(
  _ handle: OpaquePointer!, _ pages: pindown_pages, _ address: UInt,
  _ bytes: UnsafeMutableRawPointer!, _ length: Int
) -> Int32 {
  PageCopy.read(
    into: UnsafeMutableRawBufferPointer(start: bytes, count: length), from: address, of: pages,
    pins: cache(handle).pinTable)
}
