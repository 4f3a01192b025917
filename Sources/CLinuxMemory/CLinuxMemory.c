#include "CLinuxMemory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/memfd.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Newer than the headers of some systems that we build on (Linux 6.3). */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

const int CLinuxMemory_seal_shrink = F_SEAL_SHRINK;
const int CLinuxMemory_seal_grow = F_SEAL_GROW;
const int CLinuxMemory_seal_future_write = F_SEAL_FUTURE_WRITE;

int CLinuxMemory_futex_wait(const void *word, uint32_t expected, int64_t nanoseconds) {
    struct timespec timeout = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    int saved = errno;
    long result = syscall(SYS_futex, word, FUTEX_WAIT, expected, nanoseconds < 0 ? NULL : &timeout,
                          NULL, 0);
    int error = result == 0 || errno == EAGAIN ? 0 : errno;
    errno = saved;
    return -error;
}

void CLinuxMemory_futex_wake(const void *word, int count) {
    int saved = errno;
    syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
    errno = saved;
}

int CLinuxMemory_eventfd(void) {
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int CLinuxMemory_accept(int listener) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int CLinuxMemory_memfd(const char *name, size_t length) {
    int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (descriptor < 0 && errno == EINVAL) {
        descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    }
    if (descriptor < 0) {
        return -errno;
    }
    if (ftruncate(descriptor, (off_t)length) != 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

uint64_t CLinuxMemory_inode(int descriptor) {
    struct stat status;
    return fstat(descriptor, &status) == 0 ? status.st_ino : 0;
}

int CLinuxMemory_raise_descriptor(int descriptor) {
    enum { highest = 4096, room = 64 };
    struct rlimit limit = {.rlim_cur = highest};
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t end = limit.rlim_cur < highest ? limit.rlim_cur : highest;
    int raised = end > 2 * room ? fcntl(descriptor, F_DUPFD_CLOEXEC, (int)end - room) : -1;
    if (raised < 0) {
        return descriptor;
    }
    close(descriptor);
    return raised;
}

int CLinuxMemory_add_seals(int descriptor, int seals) {
    return fcntl(descriptor, F_ADD_SEALS, seals) == 0 ? 0 : -errno;
}

int CLinuxMemory_get_seals(int descriptor) {
    int seals = fcntl(descriptor, F_GET_SEALS);
    return seals < 0 ? -errno : seals;
}

static uint64_t nanoseconds_of(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t CLinuxMemory_realtime(void) { return nanoseconds_of(CLOCK_REALTIME); }

uint64_t CLinuxMemory_monotonic(void) { return nanoseconds_of(CLOCK_MONOTONIC); }

uint64_t CLinuxMemory_locked_memory_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return UINT64_MAX;
    }
    return limit.rlim_cur;
}

/* PROCMAP_QUERY of linux/fs.h, which is newer than the headers of some systems we build on. */
struct procmap_query_arguments {
    uint64_t size, query_flags, query_addr;
    uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
    uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
    uint64_t vma_name_addr, build_id_addr;
};
#define PROCMAP_QUERY_REQUEST _IOWR('f', 17, struct procmap_query_arguments)

enum {
    procmap_readable = 0x01,
    procmap_writable = 0x02,
    procmap_executable = 0x04,
    procmap_shared = 0x08,
    procmap_covering_or_next = 0x10,
};

int CLinuxMemory_query_mapping(int maps_descriptor, uint64_t address,
                               CLinuxMemory_mapping *mapping) {
    struct procmap_query_arguments query = {
        .size = sizeof query, .query_flags = procmap_covering_or_next, .query_addr = address};
    int saved = errno;
    int result = ioctl(maps_descriptor, PROCMAP_QUERY_REQUEST, &query) == 0 ? 0 : -errno;
    errno = saved;
    if (result == 0) {
        *mapping = (CLinuxMemory_mapping){
            .start = query.vma_start,
            .end = query.vma_end,
            .offset = query.vma_offset,
            .inode = query.inode,
            .device_major = query.dev_major,
            .device_minor = query.dev_minor,
            .readable = query.vma_flags & procmap_readable,
            .writable = query.vma_flags & procmap_writable,
            .executable = query.vma_flags & procmap_executable,
            .shared = query.vma_flags & procmap_shared,
        };
    }
    return result;
}

void *CLinuxMemory_reserve(size_t length) {
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    madvise(memory, length, MADV_WIPEONFORK);
    madvise(memory, length, MADV_DONTDUMP);
    return memory;
}

void CLinuxMemory_release(void *memory, size_t length) { munmap(memory, length); }

void CLinuxMemory_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
