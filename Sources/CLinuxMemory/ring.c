#include "CLinuxMemory.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int CLinuxMemory_ring_open(void **result, unsigned entries, unsigned slots) {
    struct io_uring *ring = calloc(1, sizeof *ring);
    if (ring == NULL) {
        return -ENOMEM;
    }
    int error = io_uring_queue_init(entries, ring, 0);
    if (error == 0) {
        error = io_uring_register_buffers_sparse(ring, slots);
        if (error != 0) {
            io_uring_queue_exit(ring);
        }
    }
    if (error != 0) {
        free(ring);
        return error;
    }
    *result = ring;
    return 0;
}

void CLinuxMemory_ring_close(void *ring) {
    io_uring_queue_exit(ring);
    free(ring);
}

int CLinuxMemory_ring_update(void *ring, unsigned slot, void *base, size_t length) {
    struct iovec vector = {length == 0 ? NULL : base, length};
    __u64 tag = 0;
    struct io_uring_rsrc_update2 update = {
        .offset = slot, .data = (__u64)(uintptr_t)&vector, .tags = (__u64)(uintptr_t)&tag, .nr = 1};
    int descriptor = ((struct io_uring *)ring)->ring_fd, saved = errno;
    long result;
    /* By libc's function, not liburing's, whose call is an instruction of its own: where raw calls
       trap, a thread that has the signal for it blocked must still be able to unpin. */
    do {
        result = syscall(SYS_io_uring_register, descriptor, IORING_REGISTER_BUFFERS_UPDATE, &update,
                         sizeof update);
    } while (result < 0 && errno == EINTR);
    int error = result < 0 ? -errno : result == 1 ? 0 : -EIO;
    errno = saved;
    return error;
}

static int64_t transfer(void *ring, unsigned slot, bool into_memory, int descriptor, void *address,
                        uint32_t length, int flags) {
    const __u64 current_position = (__u64)-1;
    struct io_uring_sqe *entry = io_uring_get_sqe(ring);
    if (entry == NULL) {
        return -EBUSY;
    }
    if (into_memory) {
        io_uring_prep_read_fixed(entry, descriptor, address, length, current_position, (int)slot);
    } else {
        io_uring_prep_write_fixed(entry, descriptor, address, length, current_position, (int)slot);
    }
    entry->rw_flags = flags;
    int result;
    do {
        result = io_uring_submit_and_wait(ring, 1);
    } while (result == -EINTR);
    struct io_uring_cqe *completion = NULL;
    while (result >= 0 && completion == NULL) {
        result = io_uring_wait_cqe(ring, &completion);
        if (result == -EINTR) {
            result = 0;
        }
    }
    if (result < 0) {
        return result;
    }
    int64_t moved = completion->res;
    io_uring_cqe_seen(ring, completion);
    return moved;
}

int64_t CLinuxMemory_ring_transfer(void *ring, unsigned slot, bool into_memory, int descriptor,
                                   void *address, uint32_t length) {
    /* The ring would wait for an empty or full pipe itself, O_NONBLOCK or not. */
    int64_t moved = transfer(ring, slot, into_memory, descriptor, address, length, RWF_NOWAIT);
    /* A pipe that was opened by its path, and any before Linux 6.4, knows no RWF_NOWAIT; for it
       O_NONBLOCK counts. */
    if (moved == -EOPNOTSUPP) {
        moved = transfer(ring, slot, into_memory, descriptor, address, length, 0);
    }
    return moved;
}
