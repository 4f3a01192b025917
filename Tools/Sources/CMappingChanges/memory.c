/* The buffers. */
#include "cell.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static CMappingChanges_cell *const the = &CMappingChanges_the;

void CMappingChanges_set_region(uint8_t *start) {
    the->regions[0] = (CMappingChanges_region){start, region_pages * page_size};
    the->region_count = 1;
}

/* With as much on both sides of the region as it has itself. */
static int map(int flags, int descriptor) {
    the->length = 3 * region_pages * page_size;
    the->base = mmap(NULL, the->length, PROT_READ | PROT_WRITE, flags, descriptor, 0);
    if (the->base == MAP_FAILED) {
        return -errno;
    }
    CMappingChanges_set_region(the->base + region_pages * page_size);
    return 0;
}

int CMappingChanges_map_anonymous(void) { return map(MAP_PRIVATE | MAP_ANONYMOUS, -1); }

int CMappingChanges_map_memfd(void) {
    the->descriptor = memfd_create("pindown-coverage", MFD_CLOEXEC);
    if (the->descriptor < 0 ||
        ftruncate(the->descriptor, 3 * region_pages * page_size) != 0) {
        return -errno;
    }
    return map(MAP_SHARED, the->descriptor);
}
