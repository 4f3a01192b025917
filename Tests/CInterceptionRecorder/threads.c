/* Threads, masks and actions for SIGSYS, as programs have them. */
#include "CInterceptionRecorder.h"

#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

/* As the kernel has it. */
typedef struct {
    uint64_t handler, flags, restorer, mask;
} kernel_action;

typedef struct {
    char *start;
    size_t length;
    size_t each;
    _Atomic(size_t) next;
} pages;

static void *unmap_one(void *argument) {
    pages *all = argument;
    size_t offset = all->next++ * all->each;
    CInterceptionRecorder_raw_munmap(all->start + offset, all->each);
    return NULL;
}

void CInterceptionRecorder_raw_munmap_in_threads(void *start, size_t length, size_t threads) {
    pages all = {start, length, length / threads, 0};
    pthread_t started[threads];
    for (size_t index = 0; index < threads; index++) {
        pthread_create(&started[index], NULL, unmap_one, &all);
    }
    for (size_t index = 0; index < threads; index++) {
        pthread_join(started[index], NULL);
    }
}

/* The new thread shares this one's thread-local storage and has no stack to speak of: it makes two
   calls and is gone. */
int CInterceptionRecorder_raw_munmap_in_raw_thread(void *start, size_t length) {
#if defined(__x86_64__)
    static _Alignas(16) char stack[4096];
    static _Atomic(int32_t) identifier;
    identifier = 1;
    long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                 CLONE_CHILD_CLEARTID;
    long result;
    register long r10 __asm__("r10") = (long)&identifier;
    register long r8 __asm__("r8") = 0;
    register void *r12 __asm__("r12") = start;
    register size_t r13 __asm__("r13") = length;
    __asm__ volatile("syscall\n"
                     "test %%rax, %%rax\n"
                     "jnz 1f\n"
                     "mov %%r12, %%rdi\n"
                     "mov %%r13, %%rsi\n"
                     "mov $11, %%eax\n"
                     "syscall\n"
                     "xor %%edi, %%edi\n"
                     "mov $60, %%eax\n"
                     "syscall\n"
                     "1:\n"
                     : "=a"(result)
                     : "a"((long)SYS_clone), "D"(flags), "S"(stack + sizeof stack), "d"(0L),
                       "r"(r10), "r"(r8), "r"(r12), "r"(r13)
                     : "rcx", "r11", "memory", "cc");
    while (result > 0 && identifier != 0) {
        sched_yield();
    }
    return result > 0 ? 0 : (int)result;
#else
    (void)start, (void)length;
    return -ENOSYS;
#endif
}

typedef struct {
    char *start;
    size_t each;
    bool was_blocked;
} blocked_work;

static void *unmap_blocked(void *argument) {
    blocked_work *work = argument;
    sigset_t now, traps;
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    work->was_blocked = sigismember(&now, SIGSYS) == 1;
    CInterceptionRecorder_raw_munmap(work->start, work->each);
    sigemptyset(&traps);
    sigaddset(&traps, SIGSYS);
    pthread_sigmask(SIG_UNBLOCK, &traps, NULL);
    CInterceptionRecorder_raw_munmap(work->start + work->each, work->each);
    return NULL;
}

bool CInterceptionRecorder_raw_munmap_in_blocked_thread(void *start, size_t length) {
    blocked_work work = {start, length / 2, false};
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setsigmask_np(&attributes, &all);
    pthread_create(&thread, &attributes, unmap_blocked, &work);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    return work.was_blocked;
}

static void set_context(const sigset_t *mask) {
    ucontext_t context;
    static volatile bool is_back;
    is_back = false;
    getcontext(&context);
    if (!is_back) {
        is_back = true;
        context.uc_sigmask = *mask;
        setcontext(&context);
    }
}

uint64_t CInterceptionRecorder_block_all(CInterceptionRecorder_route route) {
    sigset_t all, now;
    uint64_t word = UINT64_MAX;
    sigfillset(&all);
    switch (route) {
    case CInterceptionRecorder_route_function:
        pthread_sigmask(SIG_SETMASK, &all, &all);
        break;
    case CInterceptionRecorder_route_syscall:
        syscall(SYS_rt_sigprocmask, SIG_BLOCK, &word, NULL, sizeof word);
        break;
    case CInterceptionRecorder_route_instruction:
        CInterceptionRecorder_raw(SYS_rt_sigprocmask, SIG_BLOCK, (long)&word, (long)&word,
                                  sizeof word, 0, 0);
        break;
    case CInterceptionRecorder_route_context:
        set_context(&all);
        break;
    }
    sigprocmask(SIG_SETMASK, NULL, &now);
    memcpy(&word, &now, sizeof word);
    return word;
}

static blocked_work handler_work;

static void unmap_in_handler(int number) {
    (void)number;
    CInterceptionRecorder_raw_munmap(handler_work.start, handler_work.each);
}

void CInterceptionRecorder_handle_with_all_blocked(CInterceptionRecorder_route route) {
    struct sigaction action = {.sa_handler = unmap_in_handler}, found;
    sigfillset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
    if (route == CInterceptionRecorder_route_function) {
        return;
    }
    kernel_action kernel;
    syscall(SYS_rt_sigaction, SIGUSR1, NULL, &kernel, sizeof kernel.mask);
    kernel.mask = UINT64_MAX;
    if (route == CInterceptionRecorder_route_syscall) {
        syscall(SYS_rt_sigaction, SIGUSR1, &kernel, NULL, sizeof kernel.mask);
    } else {
        CInterceptionRecorder_raw(SYS_rt_sigaction, SIGUSR1, (long)&kernel, (long)&kernel,
                                  sizeof kernel.mask, 0, 0);
    }
    sigaction(SIGUSR1, NULL, &found);
}

void CInterceptionRecorder_raw_munmap_in_that_handler(void *start, size_t length) {
    sigset_t wanted;
    handler_work = (blocked_work){start, length, false};
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
    raise(SIGUSR1);
}

void CInterceptionRecorder_raw_munmap_in_suspended_handler(void *start, size_t length) {
    handler_work = (blocked_work){start, length, false};
    struct sigaction action = {.sa_handler = unmap_in_handler};
    sigset_t wanted;
    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &wanted, NULL);
    raise(SIGUSR1);
    sigfillset(&wanted);
    sigdelset(&wanted, SIGUSR1);
    sigsuspend(&wanted);
}

bool CInterceptionRecorder_sigsys_is_taken(void) {
    struct sigaction now;
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    if (sigaction(SIGSYS, NULL, &now) != 0 || sigaction(SIGSYS, &ignored, &now) != 0) {
        return false;
    }
    raise(SIGSYS);
    struct sigaction after;
    return sigaction(SIGSYS, &now, &after) == 0 && after.sa_handler == SIG_IGN &&
           now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN;
}

void CInterceptionRecorder_default_sigsys(void) { signal(SIGSYS, SIG_DFL); }

int CInterceptionRecorder_spawn_with_defaults(void) {
    posix_spawnattr_t attributes;
    sigset_t all;
    pid_t child;
    char *arguments[] = {"true", NULL}, *environment[] = {NULL};
    int status = -1;
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawn(&child, "/bin/true", NULL, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    return error == 0 && waitpid(child, &status, 0) == child ? status : -error;
}

int CInterceptionRecorder_child_has_sigsys(void) {
    pid_t child = fork();
    if (child == 0) {
        sigset_t all, now;
        struct sigaction found, wanted = {.sa_handler = SIG_DFL};
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        sigprocmask(SIG_SETMASK, NULL, &now);
        sigaction(SIGSYS, &wanted, NULL);
        sigaction(SIGSYS, NULL, &found);
        _exit(sigismember(&now, SIGSYS) == 1 && found.sa_handler == SIG_DFL ? 0 : 1);
    }
    int status = -1;
    return waitpid(child, &status, 0) == child ? status : -errno;
}
