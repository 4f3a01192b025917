/* Changes of mappings that go around libc. */
#include "CInterceptionRecorder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

long CInterceptionRecorder_raw(long number, long first, long second, long third, long fourth,
                               long fifth, long sixth) {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = fourth;
    register long r8 __asm__("r8") = fifth;
    register long r9 __asm__("r9") = sixth;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory", "cc");
    return result;
#else
    long result = syscall(number, first, second, third, fourth, fifth, sixth);
    return result == -1 ? -errno : result;
#endif
}

long CInterceptionRecorder_raw_munmap(void *start, size_t length) {
    return CInterceptionRecorder_raw(SYS_munmap, (long)start, (long)length, 0, 0, 0, 0);
}

typedef struct {
    void *start;
    size_t length;
    int (*prepare)(void);
    int prepared;
} thread_work;

static void *unmap_raw(void *argument) {
    thread_work *work = argument;
    work->prepared = work->prepare ? work->prepare() : 0;
    CInterceptionRecorder_raw_munmap(work->start, work->length);
    return NULL;
}

int CInterceptionRecorder_raw_munmap_in_thread(void *start, size_t length, int (*prepare)(void)) {
    thread_work work = {start, length, prepare, 0};
    pthread_t thread;
    pthread_create(&thread, NULL, unmap_raw, &work);
    pthread_join(thread, NULL);
    return work.prepared;
}

static pthread_t waiting_thread;
static _Atomic(int) waiting_state; /* 1: it waits, 2: it may go on */

static void *unmap_when_told(void *argument) {
    waiting_state = 1;
    while (waiting_state != 2) {
        sched_yield();
    }
    return unmap_raw(argument);
}

void CInterceptionRecorder_start_waiting_thread(void *start, size_t length) {
    static thread_work work;
    work = (thread_work){start, length, NULL, 0};
    pthread_create(&waiting_thread, NULL, unmap_when_told, &work);
    while (waiting_state != 1) {
        sched_yield();
    }
}

void CInterceptionRecorder_let_it_unmap_raw(void) {
    waiting_state = 2;
    pthread_join(waiting_thread, NULL);
}

static void *end_dispatched(void *argument) {
    thread_work *work = argument;
    work->prepared = work->prepare();
    uint64_t page = ((uint64_t)&argument - (1 << 20)) & ~(uint64_t)4095;
    work->start = (void *)page;
    ((void (*)(void *, size_t))(uintptr_t)work->length)(work->start, 4096);
    return NULL;
}

int CInterceptionRecorder_end_thread(int (*prepare)(void), void (*with_stack)(void *, size_t)) {
    thread_work work = {NULL, (size_t)(uintptr_t)with_stack, prepare, 0};
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 8 << 20);
    pthread_create(&thread, &attributes, end_dispatched, &work);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    return work.prepared;
}

int CInterceptionRecorder_uring_madvise(void *start, size_t length, int advice) {
    struct io_uring_params parameters = {0};
    int ring = (int)syscall(SYS_io_uring_setup, 2, &parameters);
    if (ring < 0) {
        return -errno;
    }
    size_t entries_length = parameters.sq_entries * sizeof(struct io_uring_sqe);
    size_t ring_length = parameters.sq_off.array + parameters.sq_entries * sizeof(uint32_t);
    size_t completions_length =
        parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
    ring_length = ring_length > completions_length ? ring_length : completions_length;
    int protection = PROT_READ | PROT_WRITE;
    struct io_uring_sqe *entries =
        mmap(NULL, entries_length, protection, MAP_SHARED, ring, IORING_OFF_SQES);
    char *words = mmap(NULL, ring_length, protection, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    entries[0] = (struct io_uring_sqe){.opcode = IORING_OP_MADVISE,
                                       .fd = -1,
                                       .addr = (uint64_t)start,
                                       .len = (uint32_t)length,
                                       .fadvise_advice = (uint32_t)advice};
    ((uint32_t *)(words + parameters.sq_off.array))[0] = 0;
    __atomic_store_n((uint32_t *)(words + parameters.sq_off.tail), 1, __ATOMIC_RELEASE);
    long submitted;
    do {
        submitted = syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
    } while (submitted < 0 && errno == EINTR);
    struct io_uring_cqe *completions = (void *)(words + parameters.cq_off.cqes);
    int result = submitted == 1 ? completions[0].res : -errno;
    munmap(entries, entries_length);
    munmap(words, ring_length);
    close(ring);
    return result;
}

/* Newer than some headers. */
struct move_arguments {
    uint64_t destination, source, length, mode;
    int64_t moved;
};
static const uint64_t feature_move = 1 << 16;
#define UFFDIO_MOVE_REQUEST _IOWR(UFFDIO, 0x05, struct move_arguments)

int CInterceptionRecorder_uffd_move(void *destination, void *source, size_t length) {
    int descriptor = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    struct uffdio_api wanted = {.api = UFFD_API, .features = feature_move};
    struct uffdio_register range = {.range = {(uint64_t)destination, length},
                                    .mode = UFFDIO_REGISTER_MODE_MISSING};
    struct move_arguments move = {(uint64_t)destination, (uint64_t)source, length, 0, 0};
    int result = 0;
    if (descriptor < 0 || ioctl(descriptor, UFFDIO_API, &wanted) != 0 ||
        ioctl(descriptor, UFFDIO_REGISTER, &range) != 0 ||
        ioctl(descriptor, UFFDIO_MOVE_REQUEST, &move) != 0) {
        result = -errno;
    }
    if (descriptor >= 0) {
        close(descriptor);
    }
    return result;
}

int CInterceptionRecorder_uffd_register(void *start, size_t length, bool raw) {
    int descriptor = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    struct uffdio_api wanted = {.api = UFFD_API};
    struct uffdio_register range = {.range = {(uint64_t)start, length},
                                    .mode = UFFDIO_REGISTER_MODE_MISSING};
    if (descriptor < 0 || ioctl(descriptor, UFFDIO_API, &wanted) != 0) {
        return -errno;
    }
    if (raw) {
        return (int)CInterceptionRecorder_raw(SYS_ioctl, descriptor, UFFDIO_REGISTER, (long)&range,
                                              0, 0, 0);
    }
    return ioctl(descriptor, UFFDIO_REGISTER, &range) == 0 ? 0 : -errno;
}

int CInterceptionRecorder_punch_hole_in_child(int descriptor, size_t length) {
    pid_t child = fork();
    if (child == 0) {
        _exit(CInterceptionRecorder_punch_hole(descriptor, length) != 0);
    }
    int status = -1;
    return waitpid(child, &status, 0) == child ? status : -errno;
}

int CInterceptionRecorder_truncate_in_child(int descriptor, long length) {
    pid_t child = fork();
    if (child == 0) {
        _exit(ftruncate(descriptor, length) != 0);
    }
    int status = -1;
    return waitpid(child, &status, 0) == child ? status : -errno;
}

static thread_work signal_work;

static void unmap_on_signal(int number) {
    (void)number;
    unmap_raw(&signal_work);
}

void CInterceptionRecorder_raw_munmap_in_signal_handler(void *start, size_t length) {
    struct sigaction action = {.sa_handler = unmap_on_signal};
    sigset_t wanted;
    signal_work = (thread_work){start, length, NULL, 0};
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
    sigaction(SIGUSR1, &action, NULL);
    pthread_kill(pthread_self(), SIGUSR1);
}

long CInterceptionRecorder_raw_mask(uint64_t mask, uint64_t *former) {
    return CInterceptionRecorder_raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, (long)former,
                                     sizeof mask, 0, 0);
}

static int sigsys_count;

static void count_signal(int number) {
    (void)number;
    sigsys_count++;
}

int CInterceptionRecorder_take_sigsys(void) {
    struct sigaction action = {.sa_handler = count_signal};
    return sigaction(SIGSYS, &action, NULL);
}

int CInterceptionRecorder_raise_sigsys(void) {
    pthread_kill(pthread_self(), SIGSYS);
    return sigsys_count;
}

int CInterceptionRecorder_memfd(size_t length) {
    int descriptor = memfd_create("test", MFD_CLOEXEC);
    return descriptor >= 0 && ftruncate(descriptor, (off_t)length) == 0 ? descriptor : -1;
}

int CInterceptionRecorder_punch_hole(int descriptor, size_t length) {
    return fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)length);
}
