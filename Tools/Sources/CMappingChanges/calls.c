/* One system call, made in the way that the route says. */
#include "cell.h"
#include "numbers.h"
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef long (*code)(long number, long a, long b, long c, long d, long e, long f);

static CMappingChanges_cell *const the = &CMappingChanges_the;

/* A libc result as the kernel gives it. */
static long answer(long result) { return result == -1 ? -errno : result; }

static void *pointer(long value) { return (void *)value; }

/* libc's own function for the call. */
static long by_libc(long number, long a, long b, long c, long d, long e, long f) {
    size_t length = (size_t)b;
    switch (number) {
    case SYS_munmap: return answer(munmap(pointer(a), length));
    case SYS_mmap: return answer((long)mmap(pointer(a), length, (int)c, (int)d, (int)e, f));
    case SYS_mremap:
        return answer((long)mremap(pointer(a), length, (size_t)c, (int)d, pointer(e)));
    case SYS_mprotect: return answer(mprotect(pointer(a), length, (int)c));
    case SYS_pkey_mprotect: return answer(pkey_mprotect(pointer(a), length, (int)c, (int)d));
    case SYS_madvise: return answer(madvise(pointer(a), length, (int)c));
    case SYS_process_madvise:
        return answer(process_madvise((int)a, pointer(b), (size_t)c, (int)d, (unsigned)e));
    case SYS_brk: return answer(brk(pointer(a))) < 0 ? -errno : a;
    case SYS_shmdt: return answer(shmdt(pointer(a)));
    case SYS_shmat: return answer((long)shmat((int)a, pointer(b), (int)c));
    case SYS_remap_file_pages:
        return answer(remap_file_pages(pointer(a), length, (int)c, (size_t)d, (int)e));
    case SYS_ftruncate: return answer(ftruncate((int)a, b));
    case SYS_fallocate: return answer(fallocate((int)a, (int)b, c, d));
    case SYS_ioctl: return answer(ioctl((int)a, (unsigned long)b, c));
    case SYS_prctl: return answer(prctl((int)a, b, c, d, e));
    case SYS_clone: return answer(fork());
    default: return -ENOSYS;
    }
}

static long by_ring(long number, long a, long b, long c, long d) {
    switch (number) {
    case SYS_madvise:
        return CMappingChanges_submit(ring_madvise, -1, 0, (uint64_t)a, (uint32_t)b, (uint32_t)c);
    case SYS_fallocate: /* the length is where others have their address */
        return CMappingChanges_submit(ring_fallocate, (int)a, (uint64_t)c, (uint64_t)d,
                                      (uint32_t)b, 0);
    case SYS_ftruncate:
        return CMappingChanges_submit(ring_ftruncate, (int)a, (uint64_t)b, 0, 0, 0);
    default: return -ENOSYS;
    }
}

/* A page with a function that makes a system call: as a compiler at run time would make it, or as
   it is in a statically linked program. NULL where such pages may not be made. */
static code make_code(void) {
#if defined(__x86_64__)
    static const unsigned char bytes[] = {
        0x48, 0x89, 0xf8,             /* mov %rdi, %rax */
        0x48, 0x89, 0xf7,             /* mov %rsi, %rdi */
        0x48, 0x89, 0xd6,             /* mov %rdx, %rsi */
        0x48, 0x89, 0xca,             /* mov %rcx, %rdx */
        0x4d, 0x89, 0xc2,             /* mov %r8, %r10 */
        0x4d, 0x89, 0xc8,             /* mov %r9, %r8 */
        0x4c, 0x8b, 0x4c, 0x24, 0x08, /* mov 8(%rsp), %r9 */
        0x0f, 0x05,                   /* syscall */
        0xc3,                         /* ret */
    };
#else
    static const uint32_t bytes[] = {
        0xaa0003e8, /* mov x8, x0 */
        0xaa0103e0, /* mov x0, x1 */
        0xaa0203e1, /* mov x1, x2 */
        0xaa0303e2, /* mov x2, x3 */
        0xaa0403e3, /* mov x3, x4 */
        0xaa0503e4, /* mov x4, x5 */
        0xaa0603e5, /* mov x5, x6 */
        0xd4000001, /* svc #0 */
        0xd65f03c0, /* ret */
    };
#endif
    char *page = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return NULL;
    }
    memcpy(page, bytes, sizeof bytes);
    __builtin___clear_cache(page, page + sizeof bytes);
    if (mprotect(page, page_size, PROT_READ | PROT_EXEC) != 0) {
        return NULL;
    }
    code function;
    memcpy(&function, &page, sizeof function);
    return function;
}

static code made_code;

int CMappingChanges_prepare_call(void) {
    if (the->route == route_io_uring) {
        return CMappingChanges_prepare_ring();
    }
    if (the->route == route_code_page) {
        made_code = make_code();
        return made_code ? 0 : CMappingChanges_refuse(EACCES, "code cannot be made at run time");
    }
    return 0;
}

long CMappingChanges_call(long number, long a, long b, long c, long d, long e, long f) {
    switch (the->route) {
    case route_syscall: return answer(syscall(number, a, b, c, d, e, f));
    case route_code_page: return made_code(number, a, b, c, d, e, f);
    case route_io_uring: return by_ring(number, a, b, c, d);
    case route_instruction:
    case route_process: return CMappingChanges_raw(number, a, b, c, d, e, f);
    default: return by_libc(number, a, b, c, d, e, f);
    }
}
