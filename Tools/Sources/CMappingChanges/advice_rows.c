/* madvise, on memory and on files. */
#include "cell.h"
#include "numbers.h"
#include "raw.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static CMappingChanges_cell *const the = &CMappingChanges_the;

enum { region_bytes = region_pages * page_size, huge_bytes = 2 << 20 };

static int process = -1;

static int advise_range(uint8_t *start, long length, long advice) {
    if (the->route == route_process) {
        struct iovec range = {start, (size_t)length};
        long result = CMappingChanges_raw(SYS_process_madvise, process, (long)&range, 1, advice, 0,
                                          0);
        return result < 0 ? (int)result : 0;
    }
    return (int)CMappingChanges_call(SYS_madvise, (long)start, length, advice, 0, 0, 0);
}

static int advise(long advice) { return advise_range(the->regions[0].start, region_bytes, advice); }

static int dontneed(void) { return advise(MADV_DONTNEED); }
static int dontneed_locked(void) { return advise(advice_dontneed_locked); }
static int lazy_free(void) { return advise(MADV_FREE); }
static int page_out(void) { return advise(MADV_PAGEOUT); }
static int wipe_on_fork(void) { return advise(MADV_WIPEONFORK); }
static int guard(void) { return advise(advice_guard_install); }
static int collapse(void) { return advise_range(the->base, huge_bytes, advice_collapse); }

static int unguard(void) {
    return (int)CMappingChanges_raw(SYS_madvise, (long)the->regions[0].start, region_bytes,
                                    advice_guard_remove, 0, 0, 0);
}

/* What it removes, it removes from the file, whoever has it mapped. */
static int remove_pages(void) {
    if (the->route == route_process) {
        return (int)CMappingChanges_raw(SYS_madvise, (long)the->regions[0].start, region_bytes,
                                        MADV_REMOVE, 0, 0, 0);
    }
    return advise(MADV_REMOVE);
}

/* A descriptor of this process, for itself and for the other process, which inherits it. */
static int open_process(void) {
    process = (int)syscall(SYS_pidfd_open, getpid(), 0);
    return process < 0 ? CMappingChanges_refuse(errno, "no pidfd_open") : 0;
}

static int prepare(void) {
    int error = CMappingChanges_map_anonymous();
    return error ? error : open_process();
}

static int prepare_locked(void) {
    int error = CMappingChanges_map_anonymous();
    if (!error && mlock(the->regions[0].start, region_bytes) != 0) {
        return CMappingChanges_refuse(errno, "memory cannot be locked");
    }
    return error ? error : open_process();
}

/* A range that one huge page can replace. */
static int prepare_huge(void) {
    the->length = 2 * huge_bytes;
    uint8_t *memory = mmap(NULL, the->length, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return -errno;
    }
    uintptr_t aligned = ((uintptr_t)memory + huge_bytes - 1) & ~(uintptr_t)(huge_bytes - 1);
    the->base = (uint8_t *)aligned;
    for (size_t offset = 0; offset < huge_bytes; offset += page_size) {
        the->base[offset] = 1;
    }
    CMappingChanges_set_region(the->base);
    return open_process();
}

/* process_madvise on one's own process: allowed for everything since Linux 6.13. */
static int dontneed_by_pidfd(void) {
    struct iovec range = {the->regions[0].start, region_bytes};
    long result = CMappingChanges_call(SYS_process_madvise, process, (long)&range, 1,
                                       MADV_DONTNEED, 0, 0);
    return result < 0 ? (int)result : 0;
}

enum { by_advice = by_call | by_io_uring | by_process };

const CMappingChanges_row CMappingChanges_advice_rows[] = {
    {"madvise-dontneed", by_advice, prepare, dontneed, NULL},
    {"madvise-dontneed-locked", by_advice, prepare_locked, dontneed_locked, NULL},
    {"madvise-free", by_advice, prepare, lazy_free, NULL},
    {"madvise-remove", by_advice, CMappingChanges_map_memfd, remove_pages, NULL},
    {"madvise-pageout", by_advice, prepare, page_out, NULL},
    {"madvise-collapse", by_advice, prepare_huge, collapse, NULL},
    {"madvise-guard-install", by_advice, prepare, guard, unguard},
    {"madvise-wipeonfork", by_advice, prepare, wipe_on_fork, NULL},
    {"process-madvise", by_call, prepare, dontneed_by_pidfd, NULL},
    {0},
};
