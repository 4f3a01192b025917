/* Page frames from pagemap, and pins through the registered buffers of an io_uring. What reads and
   unpins is called in hook context: system calls only. Descriptors are kept out of the way of
   programs that close all they do not know, and looked at before they are used. */
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct {
    int descriptor;
    dev_t device;
    ino_t inode;
} kept;

static kept pagemap = {.descriptor = -1};
static kept ring = {.descriptor = -1};

static bool keep(kept *this, int descriptor, int below) {
    struct rlimit limit = {.rlim_cur = 256};
    struct stat status;
    if (descriptor < 0) {
        return false;
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    int high = limit.rlim_cur > 4096 ? 4096 : (int)limit.rlim_cur;
    this->descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, high - below);
    close(descriptor);
    if (this->descriptor < 0 || fstat(this->descriptor, &status) != 0) {
        return false;
    }
    this->device = status.st_dev;
    this->inode = status.st_ino;
    return true;
}

static bool is_kept(const kept *this) {
    struct stat status;
    return this->descriptor >= 0 && fstat(this->descriptor, &status) == 0 &&
           status.st_dev == this->device && status.st_ino == this->inode;
}

bool watch_frames_open(void) {
    struct io_uring_params parameters = {0};
    struct io_uring_rsrc_register table = {.nr = region_limit, .flags = IORING_RSRC_REGISTER_SPARSE};
    if (!keep(&pagemap, open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), 8) ||
        !keep(&ring, (int)syscall(SYS_io_uring_setup, 1, &parameters), 16)) {
        return false;
    }
    return syscall(SYS_io_uring_register, ring.descriptor, IORING_REGISTER_BUFFERS2, &table,
                   sizeof table) == 0;
}

/* Descriptors that a fork has copied: the parent's pages, and its pins. */
void watch_frames_close(void) {
    if (is_kept(&pagemap)) {
        close(pagemap.descriptor);
    }
    if (is_kept(&ring)) {
        close(ring.descriptor);
    }
    pagemap.descriptor = ring.descriptor = -1;
}

bool watch_frames_read(uint64_t start, size_t pages, uint64_t *frames) {
    const uint64_t present = (uint64_t)1 << 63, frame_mask = ((uint64_t)1 << 55) - 1;
    ssize_t length = (ssize_t)(pages * sizeof *frames);
    if (!is_kept(&pagemap) ||
        pread(pagemap.descriptor, frames, (size_t)length, (off_t)(start / page_size * 8)) != length) {
        return false;
    }
    for (size_t index = 0; index < pages; index++) {
        frames[index] = frames[index] & present ? frames[index] & frame_mask : 0;
    }
    return true;
}

static bool update(unsigned slot, uint64_t start, size_t length) {
    struct iovec range = {length ? (void *)start : NULL, length};
    uint64_t tag = 0;
    struct io_uring_rsrc_update2 arguments = {
        .offset = slot,
        .data = (uint64_t)&range,
        .tags = (uint64_t)&tag,
        .nr = 1,
    };
    return is_kept(&ring) && syscall(SYS_io_uring_register, ring.descriptor,
                                     IORING_REGISTER_BUFFERS_UPDATE, &arguments,
                                     sizeof arguments) == 1;
}

bool watch_pin(unsigned slot, uint64_t start, size_t pages) {
    return update(slot, start, pages * page_size);
}

void watch_unpin(unsigned slot) { update(slot, 0, 0); }
