/* HOOK CONTEXT: everything in this file runs inside the application's memory calls. No libc, no
   lock, no allocation; a few hundred bytes of stack.

   What the kernel would refuse is no change. Where a call changes something only perhaps (a mremap
   that may move), it counts as a change. */
#include "decode.h"

#if defined(__x86_64__)

#include "gateway.h"
#include "threads.h"

#include <errno.h>
#include <linux/userfaultfd.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/uio.h>

enum { page_size = 4096, page_mask = page_size - 1 };

/* Newer than the headers of some systems that we build on. */
enum {
    mremap_dontunmap = 4,         /* Linux 5.7 */
    number_process_madvise = 440, /* Linux 5.10 */
    number_clone3 = 435,          /* Linux 5.3 */
    vector_limit = 1024,
};

/* No process has memory above this, with five levels of page tables either. */
static const uint64_t address_limit = (uint64_t)1 << 56;

static _Atomic(CSyscallInterception_filter) current_filter;
static _Atomic(CSyscallInterception_handler) current_handler;

void CSyscallInterception_set_receivers(CSyscallInterception_filter filter,
                                        CSyscallInterception_handler handler) {
    atomic_store_explicit(&current_handler, handler, memory_order_relaxed);
    atomic_store_explicit(&current_filter, filter, memory_order_release);
}

CSyscallInterception_quick_words CSyscallInterception_quick;

static const uint64_t quick_is_forbidden = (uint64_t)1 << 63;

void CSyscallInterception_watch_table(const uint32_t *table, uint64_t entries) {
    _Atomic(uint64_t) *limit = &CSyscallInterception_quick.limit;
    atomic_fetch_and(limit, quick_is_forbidden);
    if (table) {
        atomic_store(&CSyscallInterception_quick.table, table);
        atomic_fetch_or(limit, entries);
    }
}

void CSyscallInterception_allow_quick(bool allowed) {
    if (allowed) {
        atomic_fetch_and(&CSyscallInterception_quick.limit, ~quick_is_forbidden);
    } else {
        atomic_fetch_or(&CSyscallInterception_quick.limit, quick_is_forbidden);
    }
}

bool CSyscallInterception_concerns(uint64_t start, uint64_t end) {
    CSyscallInterception_filter filter =
        atomic_load_explicit(&current_filter, memory_order_acquire);
    return start < end && filter && filter(start, end);
}

void CSyscallInterception_tell(const CSyscallInterception_change *change) {
    CSyscallInterception_handler handler =
        atomic_load_explicit(&current_handler, memory_order_acquire);
    if (!handler) {
        return;
    }
    int saved = errno;
    CSyscallInterception_change told = *change;
    told.is_trap = CSyscallInterception_in_trap();
    handler(&told);
    errno = saved;
}

void CSyscallInterception_announce(const CSyscallInterception_change *change) {
    if (CSyscallInterception_concerns(change->start, change->end)) {
        CSyscallInterception_tell(change);
    }
}

static void announce(CSyscallInterception_kind kind, uint64_t start, uint64_t end) {
    CSyscallInterception_change change = {.start = start, .end = end, .kind = kind};
    CSyscallInterception_announce(&change);
}

/* Where `length` bytes from a page's start end, in whole units; `start` itself when the kernel
   would refuse the range or do nothing. */
static uint64_t end_of(uint64_t start, uint64_t length, uint64_t unit) {
    uint64_t rounded, end;
    if ((start & page_mask) != 0 || __builtin_add_overflow(length, unit - 1, &rounded) ||
        __builtin_add_overflow(start, rounded & ~(unit - 1), &end) || end > address_limit) {
        return start;
    }
    return end;
}

static void decode_mmap(const CSyscallInterception_registers *call) {
    uint64_t start = call->first, flags = call->fourth;
    if (!(flags & MAP_FIXED) || (flags & MAP_FIXED_NOREPLACE) == MAP_FIXED_NOREPLACE) {
        return;
    }
    /* Huge pages are rare, and learning their size costs a call: ask first with the largest. */
    uint64_t widest = (uint64_t)1 << 30;
    if (!CSyscallInterception_concerns(start, end_of(start, call->second, widest))) {
        return;
    }
    uint64_t unit = CSyscallInterception_mapping_granularity(flags, call->fifth);
    announce(CSyscallInterception_kind_mmap, start, end_of(start, call->second, unit));
}

static void announce_mremap(uint64_t old, uint64_t old_end, uint64_t new_end,
                            const CSyscallInterception_registers *call) {
    uint64_t flags = call->fourth, destination = call->fifth;
    bool relocates = flags & (MREMAP_FIXED | mremap_dontunmap);
    if (!relocates && new_end <= old_end) {
        announce(CSyscallInterception_kind_mremap, new_end, old_end);
        return;
    }
    if (flags & MREMAP_FIXED) {
        uint64_t destination_end = end_of(destination, call->third, page_size);
        announce(CSyscallInterception_kind_mremap, destination, destination_end);
    }
    /* An old length of zero makes a second mapping and leaves the first: the range is empty then.
       On huge pages the kernel rounds lengths up further than this, which matters only to a caller
       that names a part of one. */
    if (flags & MREMAP_MAYMOVE) {
        announce(CSyscallInterception_kind_mremap, old, old_end);
    }
}

static bool decode_mremap(CSyscallInterception_registers *call) {
    uint64_t old = call->first, flags = call->fourth, destination = call->fifth;
    uint64_t old_end = end_of(old, call->second, page_size);
    uint64_t new_end = end_of(old, call->third, page_size);
    bool relocates = flags & (MREMAP_FIXED | mremap_dontunmap);
    if (flags & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED | mremap_dontunmap) || new_end == old ||
        (relocates && !(flags & MREMAP_MAYMOVE)) ||
        ((flags & mremap_dontunmap) && old_end != new_end)) {
        return false;
    }
    if (flags & MREMAP_FIXED) {
        uint64_t destination_end = end_of(destination, call->third, page_size);
        bool overlaps = old < destination_end && destination < old_end;
        if (destination_end == destination || overlaps) {
            return false;
        }
    }
    announce_mremap(old, old_end, new_end, call);
    return old < old_end && CSyscallInterception_remap_in_pieces(call);
}

static void decode_mprotect(const CSyscallInterception_registers *call) {
    CSyscallInterception_change change = {
        .start = call->first,
        .end = end_of(call->first, call->second, page_size),
        .kind = CSyscallInterception_kind_mprotect,
        .protection = call->third & (PROT_READ | PROT_WRITE | PROT_EXEC),
    };
    /* This flag extends the change down to the start of the stack's mapping, wherever that is. */
    if ((call->third & PROT_GROWSDOWN) && change.start < change.end) {
        change.start = 0;
    }
    CSyscallInterception_announce(&change);
}

static void announce_advice(uint64_t start, uint64_t length, uint64_t advice) {
    CSyscallInterception_change change = {
        .start = start,
        .end = end_of(start, length, page_size),
        .kind = CSyscallInterception_kind_madvise,
        .advice = (uint32_t)advice,
    };
    CSyscallInterception_announce(&change);
}

/* Through the kernel, which can fault where we must not. */
static bool copy_from_caller(void *copy, uint64_t address, size_t length) {
    long self = CSyscallInterception_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
    struct iovec local = {copy, length}, remote = {(void *)address, length};
    return CSyscallInterception_call(SYS_process_vm_readv, self, (long)&local, 1, (long)&remote, 1,
                                     0) == (long)length;
}

static _Atomic(CSyscallInterception_yielder) current_yielder;

void CSyscallInterception_yield_watched(CSyscallInterception_yielder yielder) {
    atomic_store_explicit(&current_yielder, yielder, memory_order_release);
}

static void yield_watched(int by, uint64_t start, uint64_t end) {
    CSyscallInterception_yielder yielder =
        atomic_load_explicit(&current_yielder, memory_order_acquire);
    if (yielder && start < end) {
        int saved = errno;
        yielder(by, start, end);
        errno = saved;
    }
}

static void decode_ioctl(const CSyscallInterception_registers *call) {
    struct uffdio_register wanted;
    if ((call->second & UINT32_MAX) == UFFDIO_REGISTER &&
        copy_from_caller(&wanted, call->third, sizeof wanted)) {
        yield_watched((int)call->first, wanted.range.start,
                      end_of(wanted.range.start, wanted.range.len, page_size));
    }
}

static void decode_madvise(const CSyscallInterception_registers *call) {
    uint64_t advice = call->third & UINT32_MAX;
    if (CSyscallInterception_is_change(advice)) {
        announce_advice(call->first, call->second, advice);
    }
    if (advice == CSyscallInterception_advice_collapse) {
        yield_watched(-1, call->first, end_of(call->first, call->second, page_size));
    }
}

/* The process is named by a descriptor, and which one that is costs more to learn than a range too
   many: every call counts as being on ourselves. */
static void decode_process_madvise(const CSyscallInterception_registers *call) {
    uint64_t vector = call->second, count = call->third, advice = call->fourth & UINT32_MAX;
    if (!CSyscallInterception_is_change(advice) || count > vector_limit) {
        return;
    }
    for (uint64_t index = 0; index < count; index++) {
        struct iovec range;
        if (!copy_from_caller(&range, vector + index * sizeof range, sizeof range)) {
            return;
        }
        announce_advice((uint64_t)range.iov_base, range.iov_len, advice);
    }
}

static void decode_brk(const CSyscallInterception_registers *call) {
    uint64_t wanted;
    if (call->first == 0 || __builtin_add_overflow(call->first, page_mask, &wanted)) {
        return;
    }
    wanted &= ~(uint64_t)page_mask;
    /* The kernel's own idea of the break: libc's is wrong once somebody has gone around libc. */
    if (CSyscallInterception_concerns(wanted, UINT64_MAX)) {
        uint64_t current = (uint64_t)CSyscallInterception_call(SYS_brk, 0, 0, 0, 0, 0, 0);
        uint64_t end = (current + page_mask) & ~(uint64_t)page_mask;
        announce(CSyscallInterception_kind_brk, wanted, end);
    }
}

static void decode_shmdt(const CSyscallInterception_registers *call) {
    uint64_t start = call->first;
    if ((start & page_mask) == 0 && CSyscallInterception_concerns(start, UINT64_MAX)) {
        announce(CSyscallInterception_kind_shmdt, start,
                 CSyscallInterception_attachment_end(start));
    }
}

static void decode_shmat(const CSyscallInterception_registers *call) {
    uint64_t start = call->second, flags = call->third;
    if (!(flags & SHM_REMAP) || start == 0) {
        return;
    }
    if (flags & SHM_RND) {
        start &= ~(uint64_t)page_mask; /* SHMLBA is a page on x86-64 */
    }
    if (CSyscallInterception_concerns(start, UINT64_MAX)) {
        uint64_t length = CSyscallInterception_segment_length(call->first);
        announce(CSyscallInterception_kind_shmat, start, end_of(start, length, page_size));
    }
}

/* The kernel rounds the start and the length down here. */
static void decode_remap_file_pages(const CSyscallInterception_registers *call) {
    uint64_t start = call->first & ~(uint64_t)page_mask;
    uint64_t length = call->second & ~(uint64_t)page_mask;
    announce(CSyscallInterception_kind_remap_file_pages, start, end_of(start, length, page_size));
}

/* Whether the call was made. */
static bool decode(uint64_t number, CSyscallInterception_registers *call) {
    switch (number) {
    case SYS_munmap:
        announce(CSyscallInterception_kind_munmap, call->first,
                 end_of(call->first, call->second, page_size));
        break;
    case SYS_mmap:
        decode_mmap(call);
        break;
    case SYS_mremap:
        return decode_mremap(call);
    case SYS_mprotect:
    case SYS_pkey_mprotect:
        decode_mprotect(call);
        break;
    case SYS_madvise:
        decode_madvise(call);
        break;
    case number_process_madvise:
        decode_process_madvise(call);
        break;
    case SYS_brk:
        decode_brk(call);
        break;
    case SYS_shmdt:
        decode_shmdt(call);
        break;
    case SYS_shmat:
        decode_shmat(call);
        break;
    case SYS_remap_file_pages:
        decode_remap_file_pages(call);
        break;
    case SYS_ioctl:
        decode_ioctl(call);
        break;
    case SYS_truncate:
    case SYS_ftruncate:
    case SYS_fallocate:
        CSyscallInterception_decode_file_call(number, call);
        break;
    default:
        break;
    }
    return false;
}

/* Calls that say what becomes of a thread, and of SIGSYS in it: see threads.c. */
static bool is_of_thread(uint64_t number) {
    return number == SYS_clone || number == number_clone3 || number == SYS_rt_sigprocmask ||
           number == SYS_rt_sigaction;
}

__attribute__((noinline)) static bool decide_any(uint64_t number,
                                                 CSyscallInterception_registers *call,
                                                 bool is_fixed) {
    bool is_hook = CSyscallInterception_begin_hook();
    bool is_made = decode(number, call);
    CSyscallInterception_end_hook(is_hook);
    if (is_of_thread(number) && !CSyscallInterception_in_hook()) {
        CSyscallInterception_decide_thread_call(number, call, is_fixed);
    }
    return is_made;
}

bool CSyscallInterception_decide(CSyscallInterception_registers *call,
                                 const CSyscallInterception_site *site) {
    bool is_fixed = site->number != CSyscallInterception_any_number;
    uint64_t number = is_fixed ? (uint64_t)site->number : call->number;
    /* The most frequent one ahead of all: after a system call no processor foresees a jump through a
       table, and what decode() saves on the stack costs more than the question. */
    if (number == SYS_munmap && !CSyscallInterception_is_dispatched &&
        !CSyscallInterception_concerns(call->first,
                                       end_of(call->first, call->second, page_size))) {
        return false;
    }
    return decide_any(number, call, is_fixed);
}

#endif
