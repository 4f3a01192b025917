#include "CTools.h"

#include <errno.h>
#include <malloc.h>
#include <sys/mman.h>

int CTools_move_mapping(void *source, size_t length, void *target) {
    void *moved = mremap(source, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    return moved == MAP_FAILED ? -errno : 0;
}

void CTools_map_large_blocks(int length) { mallopt(M_MMAP_THRESHOLD, length); }
