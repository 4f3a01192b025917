/* HOOK CONTEXT. From calls that take pages from a file to the offsets that it loses. */
#include "decode.h"

#if defined(__x86_64__)

#include "gateway.h"

#include <linux/falloc.h>
#include <stdatomic.h>
#include <sys/stat.h>

static const uint64_t page_mask = 4095;

static _Atomic(bool) watches_files;

void CSyscallInterception_watch_files(bool wanted) {
    atomic_store_explicit(&watches_files, wanted, memory_order_seq_cst);
}

/* Files have no addresses: the filter cannot be asked, and the handler finds out who maps them. */
static void announce_file(long found, const struct stat *status, uint64_t start, uint64_t end) {
    if (found != 0 || start >= end) {
        return;
    }
    CSyscallInterception_change change = {.start = start,
                                          .end = end,
                                          .inode = status->st_ino,
                                          .kind = CSyscallInterception_kind_truncate};
    CSyscallInterception_tell(&change);
}

/* The page in which the file will end stays; what is behind it in that page is zeroed. */
static uint64_t first_lost_page(uint64_t length) {
    uint64_t rounded;
    return __builtin_add_overflow(length, page_mask, &rounded) ? UINT64_MAX
                                                               : rounded & ~(uint64_t)page_mask;
}

static void decode_truncate(const CSyscallInterception_registers *call, bool by_path) {
    struct stat status;
    if ((int64_t)call->second < 0) {
        return;
    }
    long found = by_path ? CSyscallInterception_call(SYS_stat, (long)call->first, (long)&status, 0,
                                                     0, 0, 0)
                         : CSyscallInterception_call(SYS_fstat, (int)call->first, (long)&status, 0,
                                                     0, 0, 0);
    announce_file(found, &status, first_lost_page(call->second), UINT64_MAX);
}

static void decode_fallocate(const CSyscallInterception_registers *call) {
    uint64_t mode = call->second & UINT32_MAX, offset = call->third, end;
    struct stat status;
    bool moves = mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE);
    bool empties = mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE);
    if ((!moves && !empties) || (int64_t)offset < 0 || (int64_t)call->fourth <= 0 ||
        __builtin_add_overflow(offset, call->fourth, &end)) {
        return;
    }
    long found =
        CSyscallInterception_call(SYS_fstat, (int)call->first, (long)&status, 0, 0, 0, 0);
    announce_file(found, &status, offset & ~(uint64_t)page_mask,
                  moves ? UINT64_MAX : first_lost_page(end));
}

void CSyscallInterception_decode_file_call(uint64_t number,
                                           const CSyscallInterception_registers *call) {
    if (!atomic_load_explicit(&watches_files, memory_order_seq_cst)) {
        return;
    }
    if (number == SYS_fallocate) {
        decode_fallocate(call);
    } else {
        decode_truncate(call, number == SYS_truncate);
    }
}

#endif
