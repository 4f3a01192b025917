#include "CConformance.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
const bool CConformance_sees_allocations = false;
#define IS_SANITIZED 1
#else
const bool CConformance_sees_allocations = true;
#define IS_SANITIZED 0
#endif

/* Longer than any deadline of an assertion that holds the allocator. */
static const long longest_hold_seconds = 10;

static __thread bool is_counting __attribute__((tls_model("initial-exec")));
static __thread uint64_t calls __attribute__((tls_model("initial-exec")));
static atomic_bool is_held;

void CConformance_begin(bool hold) {
    calls = 0;
    is_counting = true;
    atomic_store(&is_held, hold);
}

uint64_t CConformance_end(void) {
    atomic_store(&is_held, false);
    is_counting = false;
    return calls;
}

/* Where the allocator is held, this thread has to stay the one that may enter. */
static __thread bool is_paused __attribute__((tls_model("initial-exec")));

bool CConformance_pause(void) {
    bool was_counting = is_counting;
    is_counting = false;
    is_paused = was_counting;
    return was_counting;
}

void CConformance_resume(bool was_counting) {
    is_counting = was_counting;
    is_paused = false;
}

static inline uint8_t byte_at(size_t place, uint64_t seed) {
    return (uint8_t)(place * 31 ^ place >> 8 ^ place >> 16 ^ seed);
}

void CConformance_fill(void *memory, size_t length, uint64_t seed) {
    uint8_t *bytes = memory;
    for (size_t i = 0; i < length; i++) {
        bytes[i] = byte_at(i, seed);
    }
}

int64_t CConformance_first_difference(const void *memory, size_t place, size_t length,
                                      uint64_t seed) {
    const volatile uint8_t *bytes = memory;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != byte_at(place + i, seed)) {
            return (int64_t)i;
        }
    }
    return -1;
}

void *CConformance_move_pages_away(void *memory, size_t length) {
    void *moved = mremap(memory, length, length, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
    return moved == MAP_FAILED ? NULL : moved;
}

int CConformance_make_memory_file(void) {
    return memfd_create("conformance", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

void CConformance_die_with_parent(void) {
    /* Should that one have died before: whom we talk to through pipes is gone, and we end, too. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

#if !IS_SANITIZED

static void wait_for_release(void) {
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        sched_yield();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (atomic_load(&is_held) && now.tv_sec - start.tv_sec < longest_hold_seconds);
}

static inline void enter(void) {
    if (__builtin_expect(is_counting, false)) {
        calls++;
    } else if (__builtin_expect(atomic_load_explicit(&is_held, memory_order_relaxed), false) &&
               !is_paused) {
        wait_for_release();
    }
}

void *malloc(size_t size) {
    enter();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    enter();
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    enter();
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    enter();
    return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size) {
    enter();
    return __libc_memalign(alignment, size);
}

void *reallocarray(void *memory, size_t count, size_t size) {
    size_t length;
    enter();
    if (__builtin_mul_overflow(count, size, &length)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(memory, length);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    enter();
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0) {
        return EINVAL;
    }
    void *memory = __libc_memalign(alignment, size);
    if (memory == NULL) {
        return ENOMEM;
    }
    *result = memory;
    return 0;
}

void free(void *memory) {
    enter();
    __libc_free(memory);
}

#endif
