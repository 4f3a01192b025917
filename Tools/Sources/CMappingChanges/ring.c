/* io_uring by its three system calls: one request at a time. */
#include "cell.h"
#include "raw.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    int descriptor;
    struct io_uring_params parameters;
    char *submissions, *completions;
    struct io_uring_sqe *entries;
} ring = {.descriptor = -1};

static char *map(size_t length, off_t offset) {
    char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                        ring.descriptor, offset);
    return memory == MAP_FAILED ? NULL : memory;
}

static unsigned *word(char *base, unsigned offset) { return (unsigned *)(void *)(base + offset); }

int CMappingChanges_prepare_ring(void) {
    struct io_uring_params *parameters = &ring.parameters;
    ring.descriptor = (int)syscall(SYS_io_uring_setup, 4, parameters);
    if (ring.descriptor < 0) {
        return CMappingChanges_refuse(errno, "io_uring is switched off");
    }
    ring.submissions = map(parameters->sq_off.array + parameters->sq_entries * sizeof(unsigned),
                           IORING_OFF_SQ_RING);
    ring.completions =
        map(parameters->cq_off.cqes + parameters->cq_entries * sizeof(struct io_uring_cqe),
            IORING_OFF_CQ_RING);
    ring.entries = (void *)map(parameters->sq_entries * sizeof *ring.entries, IORING_OFF_SQES);
    return ring.submissions && ring.completions && ring.entries ? 0 : -ENOMEM;
}

long CMappingChanges_submit(unsigned operation, int descriptor, uint64_t offset, uint64_t address,
                            uint32_t length, uint32_t flags) {
    const struct io_sqring_offsets *at = &ring.parameters.sq_off;
    struct io_uring_sqe *entry = &ring.entries[0];
    memset(entry, 0, sizeof *entry);
    entry->opcode = (uint8_t)operation;
    entry->fd = descriptor;
    entry->off = offset;
    entry->addr = address;
    entry->len = length;
    entry->fadvise_advice = flags;
    unsigned *tail = word(ring.submissions, at->tail);
    word(ring.submissions, at->array)[*tail & *word(ring.submissions, at->ring_mask)] = 0;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    long entered = CMappingChanges_raw(SYS_io_uring_enter, ring.descriptor, 1, 1,
                                       IORING_ENTER_GETEVENTS, 0, 0);
    if (entered < 0) {
        return entered;
    }
    const struct io_cqring_offsets *done = &ring.parameters.cq_off;
    unsigned *head = word(ring.completions, done->head);
    if (__atomic_load_n(word(ring.completions, done->tail), __ATOMIC_ACQUIRE) == *head) {
        return -EIO;
    }
    unsigned index = *head & *word(ring.completions, done->ring_mask);
    struct io_uring_cqe *completions = (void *)(ring.completions + done->cqes);
    long result = completions[index].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    return result;
}
