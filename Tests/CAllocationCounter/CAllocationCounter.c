#include "CAllocationCounter.h"

#include <errno.h>
#include <stddef.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
const bool CAllocationCounter_available = false;
#define IS_SANITIZED 1
#else
const bool CAllocationCounter_available = true;
#define IS_SANITIZED 0
#endif

#if __has_feature(thread_sanitizer)
const bool CAllocationCounter_thread_sanitizer = true;
#else
const bool CAllocationCounter_thread_sanitizer = false;
#endif

static __thread uint64_t calls __attribute__((tls_model("initial-exec")));

void CAllocationCounter_begin(void) { calls = 0; }

uint64_t CAllocationCounter_end(void) { return calls; }

#if !IS_SANITIZED

void *malloc(size_t size) {
    calls++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    calls++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    calls++;
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    calls++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    calls++;
    void *memory = __libc_memalign(alignment, size);
    if (memory == NULL) {
        return ENOMEM;
    }
    *result = memory;
    return 0;
}

void free(void *memory) {
    calls++;
    __libc_free(memory);
}

#endif
