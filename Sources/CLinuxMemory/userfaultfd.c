#include "CLinuxMemory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers of some systems that we build on. */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1 /* Linux 5.11 */
#endif
static const uint64_t feature_wp_unpopulated = 1 << 13; /* Linux 6.4 */
static const uint64_t feature_wp_async = 1 << 15;       /* Linux 6.7 */

enum { message_limit = 16 };

static int open_with(uint64_t features) {
    /* Faults are not asked for, so those of user code alone would be enough; this form needs no
       privilege. Before Linux 5.11 there is no such form. */
    long descriptor = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    if (descriptor < 0 && errno == EINVAL) {
        descriptor = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    }
    if (descriptor < 0) {
        return -errno;
    }
    struct uffdio_api wanted = {.api = UFFD_API, .features = features};
    if (ioctl((int)descriptor, UFFDIO_API, &wanted) != 0) {
        int error = errno;
        close((int)descriptor);
        return -error;
    }
    return CLinuxMemory_raise_descriptor((int)descriptor);
}

int CLinuxMemory_userfaultfd_open(bool *watches_files) {
    uint64_t events = UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_EVENT_REMAP |
                      UFFD_FEATURE_EVENT_REMOVE;
    int descriptor = open_with(events | feature_wp_unpopulated | feature_wp_async);
    *watches_files = descriptor >= 0;
    return descriptor == -EINVAL ? open_with(events) : descriptor;
}

/* Write-protect mode, and nothing is ever protected: no fault is raised. */
static int watch(int descriptor, uint64_t start, uint64_t end) {
    struct uffdio_register wanted = {.range = {start, end - start},
                                     .mode = UFFDIO_REGISTER_MODE_WP};
    return ioctl(descriptor, UFFDIO_REGISTER, &wanted) == 0 ? 0 : -errno;
}

static int unwatch(int descriptor, uint64_t start, uint64_t end) {
    /* Of a mapping that another descriptor watches the kernel would not say so when it is taken
       away; it does when it is asked for. */
    struct uffdio_range range = {start, end - start};
    int result = watch(descriptor, start, end);
    return result == 0 && ioctl(descriptor, UFFDIO_UNREGISTER, &range) != 0 ? -errno : result;
}

static int for_each_mapping(int maps_descriptor, uint64_t start, uint64_t end, int descriptor,
                            bool is_whole, int (*change)(int, uint64_t, uint64_t)) {
    int first_error = 0, saved = errno;
    while (start < end) {
        CLinuxMemory_mapping mapping;
        int error = CLinuxMemory_query_mapping(maps_descriptor, start, &mapping);
        if (error == -ENOTTY) {
            /* A kernel that does not tell: the range alone, which splits its mapping. */
            mapping.start = start;
            mapping.end = end;
            error = 0;
        }
        if (error != 0 || mapping.start >= end) {
            break;
        }
        uint64_t first = is_whole || mapping.start > start ? mapping.start : start;
        error = change(descriptor, first, is_whole || mapping.end < end ? mapping.end : end);
        if (first_error == 0) {
            first_error = error;
        }
        start = mapping.end;
    }
    errno = saved;
    return first_error;
}

int CLinuxMemory_userfaultfd_watch(int descriptor, int maps_descriptor, uint64_t start,
                                   uint64_t end) {
    return for_each_mapping(maps_descriptor, start, end, descriptor, true, watch);
}

int CLinuxMemory_userfaultfd_unwatch(int descriptor, int maps_descriptor, uint64_t start,
                                     uint64_t end) {
    return for_each_mapping(maps_descriptor, start, end, descriptor, true, unwatch);
}

int CLinuxMemory_userfaultfd_yield(int descriptor, int maps_descriptor, uint64_t start,
                                   uint64_t end) {
    return for_each_mapping(maps_descriptor, start, end, descriptor, false, unwatch);
}

bool CLinuxMemory_userfaultfd_wait(int descriptor, uint64_t inode) {
    struct pollfd waiting = {descriptor, POLLIN, 0};
    while (poll(&waiting, 1, -1) < 0 && errno == EINTR) {
    }
    return CLinuxMemory_inode(descriptor) == inode;
}

static CLinuxMemory_mapping_event event_of(const struct uffd_msg *message) {
    switch (message->event) {
    case UFFD_EVENT_REMAP:
        return (CLinuxMemory_mapping_event){message->arg.remap.from,
                                            message->arg.remap.from + message->arg.remap.len,
                                            CLinuxMemory_mapping_event_remap, 0};
    case UFFD_EVENT_REMOVE:
        return (CLinuxMemory_mapping_event){message->arg.remove.start, message->arg.remove.end,
                                            CLinuxMemory_mapping_event_remove, 0};
    case UFFD_EVENT_UNMAP:
        return (CLinuxMemory_mapping_event){message->arg.remove.start, message->arg.remove.end,
                                            CLinuxMemory_mapping_event_unmap, 0};
    default:
        return (CLinuxMemory_mapping_event){0, 0, 0, 0};
    }
}

int CLinuxMemory_userfaultfd_read(int descriptor, CLinuxMemory_mapping_event *events,
                                  int capacity) {
    struct uffd_msg messages[message_limit];
    size_t wanted = (size_t)(capacity < message_limit ? capacity : message_limit);
    ssize_t length = read(descriptor, messages, wanted * sizeof *messages);
    if (length < 0) {
        return -errno;
    }
    int count = (int)(length / (ssize_t)sizeof *messages);
    for (int index = 0; index < count; index++) {
        events[index] = event_of(&messages[index]);
    }
    return count;
}
