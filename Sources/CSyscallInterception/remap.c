/* HOOK CONTEXT. A mremap of what the caller made as one mapping, and the kernel keeps as several.

   The kernel does not merge a mapping that a userfaultfd watches with a neighbour that is not
   watched; and once a page of each was touched they have different reverse maps, and will never be
   merged. To a mremap that is no mapping: EFAULT. So the pieces are moved one by one here, and the
   call that is left for the kernel to make changes nothing and has the result that is wanted. */
#include "decode.h"

#if defined(__x86_64__)

#include "gateway.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

enum {
    page_size = 4096,
    piece_limit = 64,
    mremap_dontunmap = 4, /* Linux 5.7 */
    covering_or_next = 0x10,
};

/* PROCMAP_QUERY of linux/fs.h (Linux 6.11). */
typedef struct {
    uint64_t size, query_flags, query_addr;
    uint64_t start, end, flags, page_size, offset, inode;
    uint32_t device_major, device_minor, name_size, build_id_size;
    uint64_t name, build_id;
} mapping;
static const unsigned long query_request = _IOWR('f', 17, mapping);

/* What a mremap asks for, and the mappings that its old range lies in; the first and the last are
   cut to the range. */
typedef struct {
    uint64_t start, end, new_length, flags, target;
    uint32_t count;
    struct {
        uint64_t start, length;
    } pieces[piece_limit];
} remap;

static _Atomic(CSyscallInterception_maps_source) maps_source;

void CSyscallInterception_join_remaps(CSyscallInterception_maps_source source) {
    atomic_store_explicit(&maps_source, source, memory_order_release);
}

static bool is_error(long result) { return result < 0 && result > -page_size; }

static long move(uint64_t from, uint64_t length, uint64_t new_length, uint64_t flags,
                 uint64_t target) {
    return CSyscallInterception_call(SYS_mremap, (long)from, (long)length, (long)new_length,
                                     (long)flags, (long)target, 0);
}

static bool query(int descriptor, uint64_t address, mapping *found) {
    *found = (mapping){
        .size = sizeof *found, .query_flags = covering_or_next, .query_addr = address};
    return CSyscallInterception_call(SYS_ioctl, descriptor, (long)query_request, (long)found, 0, 0,
                                     0) == 0;
}

/* Whether the caller can have made both by one call: the pages of the same memory, in one go. */
static bool continues(const mapping *first, const mapping *second) {
    bool is_file = first->inode != 0;
    return second->start == first->end && second->flags == first->flags &&
           second->inode == first->inode && second->device_major == first->device_major &&
           second->device_minor == first->device_minor &&
           (!is_file || second->offset == first->offset + (first->end - first->start));
}

/* Fills in the pieces; false where there is only one, or where they were never one. */
static bool find_pieces(int descriptor, remap *wanted) {
    mapping found, former;
    for (uint64_t at = wanted->start; at < wanted->end; at = found.end) {
        former = found;
        if (!query(descriptor, at, &found) || found.start > at ||
            (wanted->count == 0 && wanted->end <= found.end) || wanted->count == piece_limit ||
            (wanted->count > 0 && !continues(&former, &found))) {
            return false;
        }
        uint64_t end = found.end < wanted->end ? found.end : wanted->end;
        wanted->pieces[wanted->count].start = at;
        wanted->pieces[wanted->count++].length = end - at;
    }
    return wanted->count > 1;
}

static bool has_pieces(remap *wanted, CSyscallInterception_maps_source source) {
    int kept = source();
    if (kept >= 0) {
        return find_pieces(kept, wanted);
    }
    long opened = CSyscallInterception_call(SYS_openat, AT_FDCWD, (long)"/proc/self/maps",
                                            O_RDONLY | O_CLOEXEC, 0, 0, 0);
    bool result = opened >= 0 && find_pieces((int)opened, wanted);
    if (opened >= 0) {
        CSyscallInterception_call(SYS_close, opened, 0, 0, 0, 0, 0);
    }
    return result;
}

/* Grows the last piece where it is; what the kernel says. */
static long grow_in_place(const remap *wanted) {
    uint64_t last = wanted->pieces[wanted->count - 1].start;
    uint64_t length = wanted->pieces[wanted->count - 1].length;
    return move(last, length, length + wanted->new_length - (wanted->end - wanted->start), 0, 0);
}

/* Moves each piece to its place in the target, the last with what is to be more; or none of them. */
static bool move_pieces(const remap *wanted, uint64_t target) {
    uint64_t flags = MREMAP_MAYMOVE | MREMAP_FIXED, more = 0, offset = 0;
    if (wanted->new_length > wanted->end - wanted->start) {
        more = wanted->new_length - (wanted->end - wanted->start);
    }
    for (uint32_t index = 0; index < wanted->count; index++) {
        uint64_t length = wanted->pieces[index].length;
        bool is_last = index + 1 == wanted->count;
        if (is_error(move(wanted->pieces[index].start, length, length + (is_last ? more : 0),
                          flags | (wanted->flags & mremap_dontunmap), target + offset))) {
            while (index-- > 0) {
                length = wanted->pieces[index].length;
                offset -= length;
                move(target + offset, length, length, flags, wanted->pieces[index].start);
            }
            return false;
        }
        offset += length;
    }
    return true;
}

/* What is beyond the new length goes first, as the kernel does it. */
static void drop_tail(remap *wanted) {
    uint64_t end = wanted->start + wanted->new_length;
    if (end >= wanted->end) {
        return;
    }
    CSyscallInterception_call(SYS_munmap, (long)end, (long)(wanted->end - end), 0, 0, 0, 0);
    wanted->end = end;
    while (wanted->pieces[wanted->count - 1].start >= end) {
        wanted->count--;
    }
    wanted->pieces[wanted->count - 1].length = end - wanted->pieces[wanted->count - 1].start;
}

static bool move_anywhere(const remap *wanted, uint64_t *result) {
    long target = CSyscallInterception_call(SYS_mmap, 0, (long)wanted->new_length, PROT_NONE,
                                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (is_error(target)) {
        return false;
    }
    *result = (uint64_t)target;
    if (move_pieces(wanted, *result)) {
        return true;
    }
    CSyscallInterception_call(SYS_munmap, target, (long)wanted->new_length, 0, 0, 0, 0);
    return false;
}

static bool carry_out(remap *wanted, uint64_t *result) {
    if (wanted->flags & MREMAP_FIXED) {
        drop_tail(wanted);
        *result = wanted->target;
        return move_pieces(wanted, wanted->target);
    }
    if (!(wanted->flags & mremap_dontunmap) && !is_error(grow_in_place(wanted))) {
        *result = wanted->start;
        return true;
    }
    return (wanted->flags & MREMAP_MAYMOVE) && move_anywhere(wanted, result);
}

bool CSyscallInterception_remap_in_pieces(CSyscallInterception_registers *call) {
    CSyscallInterception_maps_source source =
        atomic_load_explicit(&maps_source, memory_order_acquire);
    uint64_t old_length = (call->second + page_size - 1) & ~(uint64_t)(page_size - 1);
    uint64_t new_length = (call->third + page_size - 1) & ~(uint64_t)(page_size - 1);
    uint64_t result;
    bool relocates = call->fourth & (MREMAP_FIXED | mremap_dontunmap);
    /* To shrink in place is to unmap, which may span mappings. */
    if (!source || (!relocates && new_length <= old_length)) {
        return false;
    }
    remap wanted = {
        .start = call->first,
        .end = call->first + old_length,
        .new_length = new_length,
        .flags = call->fourth,
        .target = call->fifth,
        .count = 0,
    };
    if (!has_pieces(&wanted, source) || !carry_out(&wanted, &result)) {
        return false;
    }
    call->first = result;
    call->second = call->third = page_size;
    call->fourth = 0;
    return true;
}

#endif
