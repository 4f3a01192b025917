/* Changes of the file or segment underneath a mapping. */
#include "cell.h"
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

static CMappingChanges_cell *const the = &CMappingChanges_the;

enum { region_bytes = region_pages * page_size, file_bytes = 3 * region_bytes };

static int truncate_file(void) {
    return (int)CMappingChanges_call(SYS_ftruncate, the->descriptor, 0, 0, 0, 0, 0);
}

static int lengthen(void) {
    return (int)CMappingChanges_raw(SYS_ftruncate, the->descriptor, file_bytes, 0, 0, 0, 0);
}

static int deallocate(long mode) {
    return (int)CMappingChanges_call(SYS_fallocate, the->descriptor, mode, region_bytes,
                                     region_bytes, 0, 0);
}

static int punch(void) { return deallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE); }
static int collapse(void) { return deallocate(FALLOC_FL_COLLAPSE_RANGE); }

/* Memory files know no collapse: a private mapping of a file on the disk, whose pages are copies of
   the program's own, and go all the same. */
static int map_disk_file(void) {
    const char *folder = getenv("TMPDIR");
    the->descriptor = open(folder ? folder : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (the->descriptor < 0) {
        return CMappingChanges_refuse(errno, "no file without a name in /var/tmp");
    }
    if (posix_fallocate(the->descriptor, 0, file_bytes) != 0) {
        return -ENOSPC;
    }
    the->length = file_bytes;
    the->base = mmap(NULL, file_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, the->descriptor, 0);
    if (the->base == MAP_FAILED) {
        return -errno;
    }
    CMappingChanges_set_region(the->base + region_bytes);
    return 0;
}

/* A SysV segment, which goes when nobody has it attached. */
static int attach(const void *address, int flags, uint8_t **memory, int *identifier) {
    int made = shmget(IPC_PRIVATE, region_bytes, IPC_CREAT | 0600);
    if (made < 0) {
        return CMappingChanges_refuse(errno, "no SysV segment");
    }
    uint8_t *attached = shmat(made, address, flags);
    int error = errno;
    shmctl(made, IPC_RMID, NULL);
    if (attached == (void *)-1) {
        return -error;
    }
    *memory = attached;
    *identifier = made;
    return 0;
}

static int attach_segment(void) {
    int identifier;
    int error = attach(NULL, 0, &the->base, &identifier);
    if (!error) {
        CMappingChanges_set_region(the->base);
    }
    return error;
}

static int detach(void) {
    return (int)CMappingChanges_call(SYS_shmdt, (long)the->base, 0, 0, 0, 0, 0);
}

/* The region and, attached elsewhere so that it stays, a segment to attach over it. */
static int with_segment(void) {
    int error = CMappingChanges_map_anonymous();
    return error ? error : attach(NULL, 0, &the->other, &the->descriptor);
}

static int attach_over(void) {
    long result = CMappingChanges_call(SYS_shmat, the->descriptor, (long)the->regions[0].start,
                                       SHM_REMAP, 0, 0, 0);
    return result < 0 && result > -4096 ? (int)result : 0;
}

enum { by_file = by_call | by_io_uring | by_process };

const CMappingChanges_row CMappingChanges_file_rows[] = {
    {"shmdt", by_call, attach_segment, detach, NULL},
    {"shmat-remap", by_call, with_segment, attach_over, NULL},
    {"ftruncate", by_file, CMappingChanges_map_memfd, truncate_file, lengthen},
    {"punch-hole", by_file, CMappingChanges_map_memfd, punch, NULL},
    {"collapse-range", by_file, map_disk_file, collapse, lengthen},
    {0},
};
