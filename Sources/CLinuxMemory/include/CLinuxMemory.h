/* System calls, and structures of the kernel, that Swift cannot reach: variadic functions, macros
   and calls that libc has no wrapper for. Nothing here allocates. */
#ifndef CLINUXMEMORY_H
#define CLINUXMEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Waits while *word is `expected`, at most `nanoseconds` (negative: without bound). Returns 0 when
   woken or when the word had another value, else -errno (ETIMEDOUT, EINTR). The word may lie in a
   mapping that several processes share. */
int CLinuxMemory_futex_wait(const void *word, uint32_t expected, int64_t nanoseconds);

/* Wakes up to `count` waiters. */
void CLinuxMemory_futex_wake(const void *word, int count);

/* A memfd of `length` bytes, closed on exec. Returns the descriptor or -errno. */
int CLinuxMemory_memfd(const char *name, size_t length);

/* Adds F_SEAL_* seals; 0 or -errno. */
int CLinuxMemory_add_seals(int descriptor, int seals);
int CLinuxMemory_get_seals(int descriptor);

extern const int CLinuxMemory_seal_shrink;
extern const int CLinuxMemory_seal_grow;
extern const int CLinuxMemory_seal_future_write;

/* A descriptor to poll: written eight bytes, a number, it is readable until they are read. Closed on
   exec, never waits. Or -errno. */
int CLinuxMemory_eventfd(void);

/* Accepts a connection: closed on exec, never waits. The descriptor or -errno. */
int CLinuxMemory_accept(int listener);

/* Nanoseconds of CLOCK_REALTIME and CLOCK_MONOTONIC; through the vDSO, safe in hook context. */
uint64_t CLinuxMemory_realtime(void);
uint64_t CLinuxMemory_monotonic(void);

/* The calling thread's id, as the kernel counts it; a system call only the first time. */
int32_t CLinuxMemory_thread_id(void);

/* A number of the calling thread's own, from 1 in the order in which threads ask: to spread
   counters over cache lines. */
uint32_t CLinuxMemory_thread_number(void);

/* Bytes that RLIMIT_MEMLOCK allows to lock; UINT64_MAX for no limit. */
uint64_t CLinuxMemory_locked_memory_limit(void);

/* Blocks every signal of the calling thread and returns the mask it had; and puts it back. Such
   sections may lie in each other: only the outermost asks the kernel. Nothing inside one may change
   the mask by itself. */
uint64_t CLinuxMemory_block_signals(void);
void CLinuxMemory_restore_signals(uint64_t mask);

/* One mapping of a process, as /proc/PID/maps shows it. */
typedef struct {
    uint64_t start, end;
    uint64_t offset;       /* in the file */
    uint64_t inode;        /* 0 where no file is mapped */
    uint32_t device_major, device_minor;
    bool readable, writable, executable, shared;
} CLinuxMemory_mapping;

/* The mapping that holds `address`, or the next one above it, asked of an open descriptor of
   /proc/PID/maps. Returns 0, -ENOENT where there is none, -ENOTTY where the kernel cannot say
   (before Linux 6.11). */
int CLinuxMemory_query_mapping(int maps_descriptor, uint64_t address, CLinuxMemory_mapping *mapping);

/* Gives back what CLinuxMemory_reserve gave. */
void CLinuxMemory_release(void *memory, size_t length);

/* A mapping of `length` bytes of anonymous memory, of which a child gets zeros after a fork: for
   tables that belong to this process only. NULL where there is no room (errno says why). */
void *CLinuxMemory_reserve(size_t length);

/* An io_uring with a sparse table of `slots` registered buffers, opaque to Swift: liburing's header
   asks libc for a different face than Swift sees. Returns 0 or -errno. */
int CLinuxMemory_ring_open(void **ring, unsigned entries, unsigned slots);
void CLinuxMemory_ring_close(void *ring);

/* Registers `length` bytes at `base` in `slot`, which locks their pages; a length of 0 unlocks.
   Returns 0 or -errno. One system call: safe in hook context. */
int CLinuxMemory_ring_update(void *ring, unsigned slot, void *base, size_t length);

/* Carries out one fixed-buffer read (into memory) or write (out of it) and waits for it. Returns
   the bytes moved or -errno. One caller at a time. */
int64_t CLinuxMemory_ring_transfer(void *ring, unsigned slot, bool into_memory, int descriptor,
                                   void *address, uint32_t length);

/* A userfaultfd that tells of mapping changes, closed on exec and not blocking; or -errno. It needs
   no privilege. `*watches_files` is false where the kernel (before Linux 6.7) lets it watch
   anonymous and shared memory only. */
int CLinuxMemory_userfaultfd_open(bool *watches_files);

/* Watches every mapping that has a page in [start, end), whole, so that none is split; asks an open
   descriptor of /proc/self/maps where they begin and end. Again is no error. 0, or -errno of the
   first mapping that cannot be watched (EBUSY: another userfaultfd has it; EINVAL: not of a kind
   that can be); the others are. */
int CLinuxMemory_userfaultfd_watch(int descriptor, int maps_descriptor, uint64_t start,
                                   uint64_t end);
int CLinuxMemory_userfaultfd_unwatch(int descriptor, int maps_descriptor, uint64_t start,
                                     uint64_t end);

/* Ends the watching of [start, end) alone, which can split mappings. Hook context. */
int CLinuxMemory_userfaultfd_yield(int descriptor, int maps_descriptor, uint64_t start,
                                   uint64_t end);

enum {
    CLinuxMemory_mapping_event_unmap = 1,  /* is gone */
    CLinuxMemory_mapping_event_remap = 2,  /* is elsewhere, and watched there */
    CLinuxMemory_mapping_event_remove = 3, /* its pages are about to go */
};

typedef struct {
    uint64_t start, end;
    uint32_t kind;
    uint32_t reserved;
} CLinuxMemory_mapping_event;

/* Waits until there is an event. The thread that changes the mapping waits, too, until it is read.
   False where the descriptor is not that of the file `inode` any more: somebody has closed it, and
   perhaps has another file there, from which nothing may be read. */
bool CLinuxMemory_userfaultfd_wait(int descriptor, uint64_t inode);

/* The number of an open file's inode; 0 where there is none. */
uint64_t CLinuxMemory_inode(int descriptor);

/* The same file at a number that programs hardly use: not those that they count on to be free next,
   nor those that they close to be sure. Closed on exec. The old one is closed where there is one. */
int CLinuxMemory_raise_descriptor(int descriptor);

/* Takes events; how many, or -errno (EAGAIN: there is none). */
int CLinuxMemory_userfaultfd_read(int descriptor, CLinuxMemory_mapping_event *events,
                                  int capacity);

/* A number that stands for the page frames of [start, end), page-aligned, in their order: of an
   open descriptor of /proc/self/pagemap. Never zero. 0 or -errno. No allocation. */
int CLinuxMemory_fingerprint_frames(int pagemap_descriptor, uint64_t start, uint64_t end,
                                    uint64_t *fingerprint, bool *all_present);

/* A number that stands for what is mapped in [start, end): files by device, inode and offset,
   anonymous memory by nothing. Of an open descriptor of /proc/self/maps. Never zero. 0, -ENOENT
   where a part is not mapped, -EACCES where a part lacks an access that is needed, -ENOTTY where
   the kernel cannot say (before Linux 6.11). */
int CLinuxMemory_fingerprint_mapping(int maps_descriptor, uint64_t start, uint64_t end,
                                     bool needs_read, bool needs_write, uint64_t *fingerprint);

/* Which file is mapped in [start, end), in short: 0 for none, the lower 24 bits of its inode's
   number otherwise, or that there are several. Zero where the kernel cannot say. */
static const uint32_t CLinuxMemory_several_files = 0xffffff;
uint32_t CLinuxMemory_file_mark(uint64_t inode);
uint32_t CLinuxMemory_mapped_file(int maps_descriptor, uint64_t start, uint64_t end);

/* Whether a page of [start, end) is one of the file's at these offsets; by the inode's number alone,
   as file systems do not all name the same device to stat and in maps. */
bool CLinuxMemory_maps_file(int maps_descriptor, uint64_t start, uint64_t end, uint64_t inode,
                            uint64_t first_offset, uint64_t end_offset);

/* Starts a thread, detached, with the application's signals blocked. 0 or -errno. */
int CLinuxMemory_start_thread(const char *name, void *(*body)(void *), void *context);

/* A piece of memory at an address that somebody else chose, and where its copy goes. */
typedef struct {
    void *ours;
    void *theirs;
    size_t length;
} CLinuxMemory_piece;

enum { CLinuxMemory_maximum_pieces = 4 };

/* Copies pieces, in their order, with one system call, whose cost grows with their number, and
   returns how many of them are copied whole: fewer than `count` where the next one cannot be read.
   Where the system call is forbidden (a seccomp filter) they are read as any memory is, with a
   signal for what cannot be. */
int CLinuxMemory_copy_from_caller(const CLinuxMemory_piece *pieces, int count);

/* Copies `length` bytes to `theirs`, which somebody else chose; false where they cannot all be
   written: then a part of them may have been. Where that is forbidden, as above. */
bool CLinuxMemory_copy_to_caller(void *theirs, const void *ours, size_t length);

/* A hint to the processor in a loop that waits for another thread's word. */
void CLinuxMemory_relax(void);

#endif
