/* The provider kit: what a SAN service provider in C, with an adapter of its own, needs of Pindown.
   Included by pindown.h; link with -lPindown.

   A provider makes one cache, publishes its adapters, and from then on registers memory through the
   cache: it secures the pages, pins them, gives them to the adapter by a function of the provider,
   and keeps all that until it is evicted or the mapping under it changes. The provider's
   WSPMemoryRegistrationCacheCallback is one call of pindown_cache_invalidate().

   Functions that can fail return 0, or a negative errno number; they change nothing then. Any thread
   may call any function. "Hook context" marks what may also be called from a
   WSPMemoryRegistrationCacheCallback or a pindown_change_handler: it does not allocate, and waits no
   longer than it says. Handles are the library's: NULL, or one that was destroyed, is the caller's
   error and not looked for. */
#ifndef PINDOWN_PROVIDER_H
#define PINDOWN_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The registration cache */

typedef struct pindown_cache pindown_cache;

/* One counted use of a region in a cache. A plain value; to be released exactly once. */
typedef struct pindown_region {
    uint32_t slot;
    uint32_t generation;
} pindown_region;

/* What holds the pages of a registration, as long as it exists: for pindown_pages_read() and
   pindown_pages_write(). */
typedef struct pindown_pages {
    uint64_t pin;     /* 0: not pinned; then they are of pindown_allocate() */
    uint64_t segment; /* 0: not of pindown_allocate() */
} pindown_pages;

/* Gives an adapter a registration for the pages start..end, which `pin` and `segment` (a
   pindown_pages) hold. Returns its key, or 0 where the adapter has no room.

   It is called under the cache's lock: no allocation, no waiting, no call back into the cache. */

typedef uint32_t (*pindown_attach)(void *context, uint32_t adapter, uintptr_t start,
                                   uintptr_t end, uint64_t pin, uint64_t segment);

/* Takes a registration from an adapter: closes it, so that no transfer can enter it any more, and
   waits until none is inside, or until `deadline` (CLOCK_MONOTONIC, nanoseconds). Returns whether it
   is empty. It is closed in any case, and may be asked about again; where it returns true it is gone.

   Hook context: possibly inside malloc, in a signal handler, under any lock of the application. */
typedef bool (*pindown_detach)(void *context, uint32_t adapter, uint32_t key, uint64_t deadline);

typedef struct pindown_cache_options {
    uint32_t size;         /* sizeof(pindown_cache_options) */
    uint32_t segment_only; /* not 0: register nothing but memory of pindown_allocate() */
    const char *name;      /* the provider's: a folder in the control file system; 1..47 bytes */
    void *context;         /* handed to both functions */
    pindown_attach attach;
    pindown_detach detach;
    uint64_t max_bytes;    /* in all regions of the cache; 0: no limit */
    uint64_t max_regions;  /* 0: no limit */
} pindown_cache_options;

/* Makes a cache, and publishes it under the provider's name.
   -EINVAL: options without a name or a function, or of an unknown size. -ENOMEM: too many providers
   are published, or no memory. -EEXIST: a provider of that name is. */
int pindown_cache_create(const pindown_cache_options *options, pindown_cache **cache);

/* Ends a cache, with all that is cached. Nothing may be in use, and no thread inside a call. */
void pindown_cache_destroy(pindown_cache *cache);

/* Finds or makes a region that covers the buffer, grants at least `access` (PINDOWN_READ, _WRITE or
   _READWRITE) and is registered at `adapter`, a number of pindown_nic_publish(). A hit takes no lock,
   allocates nothing and makes no system call. The region may be larger than the buffer and grant
   more: what the caller gives out must be checked against what was asked for.
   -EINVAL: length 0, a wrap-around, an unknown access or adapter. -EFAULT: the memory is not mapped
   as it must be. -EAGAIN: its mapping changed each time that it was about to be registered. -ENOBUFS:
   no room, although everything was evicted that could be. -EOPNOTSUPP: memory of this kind cannot be
   pinned here. */
int pindown_cache_register(pindown_cache *cache, const void *buffer, size_t length,
                           uint32_t access, uint32_t adapter, pindown_region *region);

/* The region's key at an adapter. -ESTALE: the mapping has changed; the region is of no use any
   more. A key may die at any time: the adapter finds out when a transfer enters it. */
int pindown_cache_key(pindown_cache *cache, pindown_region region, uint32_t adapter, uint32_t *key);

/* The pages that the region covers. */
void pindown_cache_range(pindown_cache *cache, pindown_region region, uintptr_t *start,
                         uintptr_t *end);

/* Gives back a use: the region stays cached. */
void pindown_cache_release(pindown_cache *cache, pindown_region region);

/* Makes an end of every region that overlaps the range, whole: when this returns no lookup finds it,
   no adapter has it, its pages are neither pinned nor secured. Waits a second at most for transfers.
   Hook context.
   -ENOENT: nothing was there. -EBUSY: something could not be released in time; it is quarantined.
   -EINVAL: the range wraps. */
int pindown_cache_invalidate(pindown_cache *cache, const void *address, size_t length);

/* Releases all that is cached and in no use; tries again what is quarantined. */
void pindown_cache_flush(pindown_cache *cache);

/* Releases all that is cached at an adapter: its last connection is gone. */
void pindown_cache_release_adapter(pindown_cache *cache, uint32_t adapter);

/* Changes the limits (0: none), and evicts what is too much. */
void pindown_cache_set_limits(pindown_cache *cache, uint64_t max_bytes, uint64_t max_regions);

typedef struct pindown_cache_statistics {
    uint64_t hits, misses, merges, evictions, invalidations;
    uint64_t registrations, deregistrations; /* at adapters */
    uint64_t failures, quarantined;
    uint64_t regions, bytes, pinned_bytes; /* now */
} pindown_cache_statistics;

void pindown_cache_read_statistics(pindown_cache *cache, pindown_cache_statistics *statistics);

/* Direct memory access by a NIC in software: copies between `bytes` and the physical pages that the
   registration holds, whatever the application has mapped at the address now. The transfer must have
   entered the registration. Not in `attach`.
   -EIO: the kernel did not move them. */
int pindown_pages_write(pindown_cache *cache, pindown_pages pages, uintptr_t address,
                        const void *bytes, size_t length);
int pindown_pages_read(pindown_cache *cache, pindown_pages pages, uintptr_t address, void *bytes,
                       size_t length);

/* Publishing: what `pindown mount` shows of a provider */

/* Publishes an adapter of the provider's. Returns its number, for the cache and for sockets, or
   -ENOSPC. The address has its first byte in the highest bits. */
int pindown_nic_publish(pindown_cache *cache, const char *name, uint32_t address,
                        uint32_t prefix_length, uint64_t max_registrations,
                        uint64_t max_connections);
void pindown_nic_withdraw(uint32_t adapter);

typedef enum pindown_nic_counter {
    PINDOWN_NIC_REGISTRATIONS, /* now */
    PINDOWN_NIC_CONNECTIONS,   /* now */
    PINDOWN_NIC_SENDS,
    PINDOWN_NIC_RECEIVES,
    PINDOWN_NIC_RDMA_WRITES,
    PINDOWN_NIC_RDMA_READS,
    PINDOWN_NIC_BYTES_OUT,
    PINDOWN_NIC_BYTES_IN,
    PINDOWN_NIC_ERRORS,
    PINDOWN_NIC_PROTECTION_ERRORS
} pindown_nic_counter;

/* Adds to a counter; a negative amount takes off. Hook context. */
void pindown_nic_count(uint32_t adapter, pindown_nic_counter counter, int64_t amount);

typedef enum pindown_socket_state {
    PINDOWN_SOCKET_CREATED = 1,
    PINDOWN_SOCKET_BOUND,
    PINDOWN_SOCKET_LISTENING,
    PINDOWN_SOCKET_CONNECTING,
    PINDOWN_SOCKET_CONNECTED,
    PINDOWN_SOCKET_DISCONNECTED,
    PINDOWN_SOCKET_CLOSED
} pindown_socket_state;

#define PINDOWN_NO_ADAPTER UINT32_MAX

/* A socket as the control file system shows it; zeros for what is not known. */
typedef struct pindown_socket_record {
    pindown_socket_state state;
    uint32_t adapter; /* or PINDOWN_NO_ADAPTER */
    uint32_t local_address, local_port, remote_address, remote_port;
    uint32_t peer_pid;
    uint32_t pending_sends, pending_receives;
} pindown_socket_record;

/* Publishes a socket of the provider's; returns its number there, or -ENOSPC. */
int pindown_socket_publish(pindown_cache *cache, const pindown_socket_record *record);
/* One thread at a time for each socket. */
void pindown_socket_update(uint32_t socket, const pindown_socket_record *record);
void pindown_socket_withdraw(uint32_t socket);

/* Publishes what a socket has registered: a use of a region. `remote_key` is 0 for local use. Returns
   its number, or -ENOSPC. To be withdrawn before the region is released. */
int pindown_use_publish(uint32_t socket, pindown_region region, const void *buffer, size_t length,
                        uint32_t access, uint32_t adapter, uint32_t remote_key);
void pindown_use_withdraw(uint32_t use);

/* Securing, pinning and page frames, for a provider that keeps a cache of its own: with
   pindown_secure() and pindown_unsecure() of pindown.h. Secure first, then pin, then record. */

typedef struct pindown_pins pindown_pins;

/* -EOPNOTSUPP, -EPERM: the kernel offers no io_uring, or not to this process. -ENOBUFS. */
int pindown_pins_open(pindown_pins **pins);
/* Lets go of all that is still pinned. */
void pindown_pins_close(pindown_pins *pins);

/* Locks the pages of a buffer to their frames, whole pages; counted in VmPin and RLIMIT_MEMLOCK.
   -EFAULT: not mapped, or not writable. -ENOBUFS: the limit. -EINVAL: length 0, a wrap-around. */
int pindown_pin(pindown_pins *pins, const void *buffer, size_t length, uint64_t *pin);
/* Once for each pin. Hook context. */
void pindown_unpin(pindown_pins *pins, uint64_t pin);

/* Writes down which page frames a secured region (of pindown_secure()) has now: what the audit
   compares with. Call it when the pages are pinned, before anybody uses them. Returns whether the
   region is still secured; where it is not, a change has come first, and the pin is worth nothing. */
bool pindown_record_mapping(uint64_t region, bool is_pinned);

/* To be asked before each use of what was cached: waits until the changes that the kernel has told of
   are dealt with and, where every use is to be audited, audits the region; a change is reported
   before this returns false. */
bool pindown_may_use(uint64_t region);

/* Reads the page frame numbers of a buffer's pages, 0 where none is present; returns how many were
   read. -EPERM: the kernel shows none to this process. */
int64_t pindown_page_frames(const void *buffer, size_t length, uint64_t *frames, size_t room);

#ifdef __cplusplus
}
#endif

#endif
