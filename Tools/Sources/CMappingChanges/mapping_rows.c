/* munmap, mmap, mremap, mprotect: changes of the mappings themselves. */
#include "cell.h"
#include "raw.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static CMappingChanges_cell *const the = &CMappingChanges_the;

enum { region_bytes = region_pages * page_size };

static long start_of(size_t region) { return (long)the->regions[region].start; }

/* A successful call's value means nothing here. */
static int done(long result) { return result < 0 && result > -4096 ? (int)result : 0; }

static int unmap(long start, long length) {
    return done(CMappingChanges_call(SYS_munmap, start, length, 0, 0, 0, 0));
}

static int unmap_whole(void) { return unmap(start_of(0), region_bytes); }
static int unmap_head(void) { return unmap(start_of(0), page_size); }
static int unmap_middle(void) { return unmap(start_of(0) + 5 * page_size, page_size); }
static int unmap_tail(void) {
    return unmap(start_of(0) + region_bytes - page_size, page_size);
}

/* Two regions with a gap between them, in the one mapping. */
static int map_two(void) {
    int error = CMappingChanges_map_anonymous();
    if (error) {
        return error;
    }
    the->region_count = 2;
    the->regions[0] = (CMappingChanges_region){the->base, region_bytes};
    the->regions[1] = (CMappingChanges_region){the->base + 2 * region_bytes, region_bytes};
    return 0;
}

static int unmap_spanning(void) { return unmap((long)the->base, (long)the->length); }

/* Another mapping of the same length. */
static int map_other(int protection, int flags, int descriptor) {
    the->other_length = region_bytes;
    the->other = mmap(NULL, region_bytes, protection, flags, descriptor, 0);
    return the->other == MAP_FAILED ? -errno : 0;
}

static int with_target(void) {
    int error = CMappingChanges_map_anonymous();
    return error ? error : map_other(PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int with_source(void) {
    int error = CMappingChanges_map_anonymous();
    return error ? error : map_other(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int remap(long old, long old_length, long new_length, long flags, long target) {
    return done(CMappingChanges_call(SYS_mremap, old, old_length, new_length, flags, target, 0));
}

static int move(void) {
    return remap(start_of(0), region_bytes, region_bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
                 (long)the->other);
}

static int move_onto(void) {
    return remap((long)the->other, region_bytes, region_bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
                 start_of(0));
}

static int move_pages_only(void) {
    return remap(start_of(0), region_bytes, region_bytes, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
}

/* The region, and to the end of the mapping: its second half goes. */
static int shrink(void) {
    long length = (long)(the->base + the->length) - start_of(0);
    return remap(start_of(0), length, region_bytes / 2, 0, 0);
}

/* The memory after the region is freed only when the region grows: others would take it. */
static int grow(void) {
    the->length = 2 * region_bytes;
    CMappingChanges_raw(SYS_munmap, (long)(the->base + the->length), region_bytes, 0, 0, 0, 0);
    return remap(start_of(0), region_bytes, 2 * region_bytes, 0, 0);
}

static int map_over(long flags, long descriptor) {
    return done(CMappingChanges_call(SYS_mmap, start_of(0), region_bytes, PROT_READ | PROT_WRITE,
                                     flags | MAP_FIXED, descriptor, 0));
}

static int map_memory_over(void) { return map_over(MAP_PRIVATE | MAP_ANONYMOUS, -1); }
static int map_file_over(void) { return map_over(MAP_SHARED, the->descriptor); }

static int with_file(void) {
    int error = CMappingChanges_map_memfd();
    return error ? error : CMappingChanges_map_anonymous();
}

static int protect(long protection) {
    return done(CMappingChanges_call(SYS_mprotect, start_of(0), region_bytes, protection, 0, 0, 0));
}

static int protect_read(void) { return protect(PROT_READ); }
static int protect_none(void) { return protect(PROT_NONE); }
static int protect_with_key(void) {
    return done(CMappingChanges_call(SYS_pkey_mprotect, start_of(0), region_bytes, PROT_READ, -1, 0,
                                     0));
}

static int remap_pages(void) {
    /* The file's first pages where its middle was. */
    return done(CMappingChanges_call(SYS_remap_file_pages, start_of(0), region_bytes, 0, 0, 0, 0));
}

const CMappingChanges_row CMappingChanges_mapping_rows[] = {
    {"munmap", by_call, CMappingChanges_map_anonymous, unmap_whole, NULL},
    {"munmap-head", by_call, CMappingChanges_map_anonymous, unmap_head, NULL},
    {"munmap-middle", by_call, CMappingChanges_map_anonymous, unmap_middle, NULL},
    {"munmap-tail", by_call, CMappingChanges_map_anonymous, unmap_tail, NULL},
    {"munmap-spanning", by_call, map_two, unmap_spanning, NULL},
    {"mremap-grow", by_call, CMappingChanges_map_anonymous, grow, NULL},
    {"mremap-move", by_call, with_target, move, NULL},
    {"mremap-shrink", by_call, CMappingChanges_map_anonymous, shrink, NULL},
    {"mremap-onto", by_call, with_source, move_onto, NULL},
    {"mremap-dontunmap", by_call, CMappingChanges_map_anonymous, move_pages_only, NULL},
    {"mmap-over", by_call, CMappingChanges_map_anonymous, map_memory_over, NULL},
    {"mmap-file-over", by_call, with_file, map_file_over, NULL},
    {"mprotect-read", by_call, CMappingChanges_map_anonymous, protect_read, NULL},
    {"mprotect-none", by_call, CMappingChanges_map_anonymous, protect_none, NULL},
    {"pkey-mprotect", by_call, CMappingChanges_map_anonymous, protect_with_key, NULL},
    {"remap-file-pages", by_call, CMappingChanges_map_memfd, remap_pages, NULL},
    {0},
};
