#include "CTools.h"

#include <errno.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>

int CTools_move_mapping(void *source, size_t length, void *target) {
    void *moved = mremap(source, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    return moved == MAP_FAILED ? -errno : 0;
}

uint64_t CTools_locked_memory_limit(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 ? limit.rlim_cur : 0;
}

void CTools_map_large_blocks(int length) { mallopt(M_MMAP_THRESHOLD, length); }
