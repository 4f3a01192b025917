/* HOOK CONTEXT: on_trap() runs in place of a system call.

   Syscall User Dispatch: while a thread's selector says `block`, a `syscall` instruction outside
   libc's code raises SIGSYS instead of being executed. The handler looks at the call as a detour
   does, and lets the thread go on in the stub below, which makes the call on the thread's own stack,
   with its own signal mask, and then sets the selector back and jumps to where the call was. So a
   call that waits is interrupted, restarted and cancelled as it would be, and one that sets the mask
   or the signal stack does so for good.

   From the handler's end to the stub's the selector says `allow`. What is not seen, therefore, is a
   raw call of a signal handler that interrupts a raw call. Calls that change the stack they are made
   on (a thread's start, vfork, the return from a signal, unmapping one's own stack) are made where
   they are, and the selector stays at `allow` until the thread's next call through a detour.

   Of several images the allowed range can hold one: libc. Calls of the loader and the vDSO trap.

   The kernel starts it for the calling thread alone. Threads that exist are invited by a signal;
   threads.c sees to those that are made later, and that none blocks SIGSYS. */
#include "CSyscallInterception.h"

#include <errno.h>

#if defined(__x86_64__)

#include "gateway.h"
#include "threads.h"

#include <dirent.h>
#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    selector_allow = 0,
    selector_block = 1,
    control_dispatch = 59, /* PR_SET_SYSCALL_USER_DISPATCH, Linux 5.11 */
    dispatch_off = 0,
    dispatch_on = 1,
    signal_is_dispatch = 2, /* SYS_USER_DISPATCH */
    machine_x86_64 = 0xc000003e,
    instruction_length = 2,
    red_zone = 128,
    number_clone3 = 435,
    wait_rounds = 50,
    wait_nanoseconds = 1000000,
};

/* In static thread-local storage: a handler cannot have it allocated. */
__thread volatile uint8_t CSyscallInterception_selector
    __attribute__((tls_model("initial-exec"), visibility("hidden")));
__thread volatile bool CSyscallInterception_is_dispatched
    __attribute__((tls_model("initial-exec"), visibility("hidden")));
static __thread volatile bool is_in_trap __attribute__((tls_model("initial-exec")));
static __thread volatile bool is_in_hook __attribute__((tls_model("initial-exec")));

static uint64_t allowed_start, allowed_length;
static _Atomic(bool) is_running;
static _Atomic(uint32_t) followed; /* threads that were invited, and have come */
static _Atomic(uint32_t) absent;   /* threads that were invited, and have not */

#pragma GCC visibility push(hidden)
void CSyscallInterception_resume(void);
#pragma GCC visibility pop

/* In: rcx = where the call returns to; rcx and r11 are free, as the call overwrites them. Below the
   red zone, because the caller may use that. `lea` and `mov` leave the flags alone. */
__asm__(".text\n"
        ".balign 16\n"
        ".globl CSyscallInterception_resume\n"
        ".hidden CSyscallInterception_resume\n"
        ".type CSyscallInterception_resume, @function\n"
        "CSyscallInterception_resume:\n"
        "endbr64\n"
        "lea -128(%rsp), %rsp\n"
        "push %rcx\n"
        "syscall\n"
        "mov CSyscallInterception_selector@gottpoff(%rip), %r11\n"
        "movb $1, %fs:(%r11)\n"
        "pop %rcx\n"
        "lea 128(%rsp), %rsp\n"
        "jmp *%rcx\n"
        ".size CSyscallInterception_resume, . - CSyscallInterception_resume\n");

static bool contains_stack(uint64_t start, uint64_t length, uint64_t stack) {
    return start <= stack && stack - start < length;
}

/* Whether the thread cannot come back from the call with its stack as it is. */
static bool changes_stack(const CSyscallInterception_registers *call, uint64_t stack) {
    switch (call->number) {
    case SYS_clone:
    case number_clone3:
    case SYS_vfork:
    case SYS_rt_sigreturn:
    case SYS_execve:
    case SYS_execveat:
        return true;
    case SYS_munmap:
    case SYS_mremap:
    case SYS_mmap:
    case SYS_madvise:
    case SYS_mprotect:
        return contains_stack(call->first, call->second, stack - red_zone - sizeof(uint64_t));
    default:
        return false;
    }
}

/* Around threads.c, which would write the action down as what the program wants. */
static long set_kernel_action(const CSyscallInterception_action *wanted,
                              CSyscallInterception_action *former) {
    return CSyscallInterception_call(SYS_rt_sigaction, SIGSYS, (long)wanted, (long)former,
                                     sizeof wanted->mask, 0, 0);
}

static void pass_on(int number, siginfo_t *information, void *context) {
    CSyscallInterception_action action = CSyscallInterception_trap_action();
    if (action.handler == (uint64_t)SIG_DFL) {
        CSyscallInterception_selector = selector_allow;
        set_kernel_action(&action, NULL);
        raise(number);
    } else if (action.flags & SA_SIGINFO) {
        ((void (*)(int, siginfo_t *, void *))action.handler)(number, information, context);
    } else if (action.handler != (uint64_t)SIG_IGN) {
        ((void (*)(int))action.handler)(number);
    }
}

static void end_in_this_thread(void) {
    CSyscallInterception_selector = selector_allow;
    CSyscallInterception_is_dispatched = false;
    prctl(control_dispatch, dispatch_off, 0, 0, 0);
}

static int begin_in_this_thread(void) {
    CSyscallInterception_selector = selector_block;
    if (prctl(control_dispatch, dispatch_on, allowed_start, allowed_length,
              &CSyscallInterception_selector) != 0) {
        CSyscallInterception_selector = selector_allow;
        return -errno;
    }
    CSyscallInterception_is_dispatched = true;
    return 0;
}

static bool is_invitation(const siginfo_t *information) {
    return information->si_code == SI_QUEUE && information->si_pid == getpid() &&
           information->si_value.sival_ptr == &allowed_start;
}

static void on_signal(int number, siginfo_t *information, void *context) {
    int saved = errno;
    if (is_invitation(information)) {
        if (atomic_load(&is_running)) {
            begin_in_this_thread();
        } else {
            end_in_this_thread();
        }
        atomic_fetch_add(&followed, 1);
        errno = saved;
        return;
    }
    if (information->si_code != signal_is_dispatch) {
        pass_on(number, information, context);
        return;
    }
    static const CSyscallInterception_site any = {.name = "a trap",
                                                  .number = CSyscallInterception_any_number};
    CSyscallInterception_selector = selector_allow;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    CSyscallInterception_registers call = {
        .number = (uint64_t)registers[REG_RAX],
        .first = (uint64_t)registers[REG_RDI],
        .second = (uint64_t)registers[REG_RSI],
        .third = (uint64_t)registers[REG_RDX],
        .fourth = (uint64_t)registers[REG_R10],
        .fifth = (uint64_t)registers[REG_R8],
        .sixth = (uint64_t)registers[REG_R9],
    };
    bool is_native = information->si_arch == machine_x86_64;
    if (!atomic_load(&is_running)) {
        end_in_this_thread();
        registers[REG_RIP] -= instruction_length;
        errno = saved;
        return;
    }
    long result = 0;
    uint64_t *mask = (uint64_t *)&((ucontext_t *)context)->uc_sigmask;
    is_in_trap = true;
    bool is_settled = is_native && CSyscallInterception_settle_trap(&call, mask, &result);
    if (is_native && !is_settled && CSyscallInterception_decide(&call, &any)) {
        /* It was made piece by piece; who makes a raw call relies on its other registers. */
        result = (long)call.first;
        is_settled = true;
    }
    is_in_trap = false;
    if (is_settled) {
        registers[REG_RAX] = result;
        CSyscallInterception_selector = selector_block;
    } else if (!is_native || changes_stack(&call, (uint64_t)registers[REG_RSP])) {
        registers[REG_RIP] -= instruction_length;
    } else {
        registers[REG_RCX] = registers[REG_RIP];
        registers[REG_RIP] = (greg_t)&CSyscallInterception_resume;
    }
    errno = saved;
}

bool CSyscallInterception_in_trap(void) { return is_in_trap; }

bool CSyscallInterception_in_hook(void) { return is_in_trap || is_in_hook; }

bool CSyscallInterception_begin_hook(void) {
    bool is_ours = CSyscallInterception_is_dispatched && !is_in_trap && !is_in_hook;
    if (is_ours) {
        is_in_hook = true;
        CSyscallInterception_selector = selector_allow;
    }
    return is_ours;
}

void CSyscallInterception_end_hook(bool is_ours) {
    if (is_ours) {
        CSyscallInterception_selector = selector_block;
        is_in_hook = false;
    }
}

static int take_text(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size;
    uint64_t wanted = *(uint64_t *)context;
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        uint64_t start = object->dlpi_addr + segment->p_vaddr;
        bool is_code = segment->p_type == PT_LOAD && (segment->p_flags & PF_X);
        if (is_code && wanted >= start && wanted - start < segment->p_memsz) {
            allowed_start = start;
            allowed_length = segment->p_memsz;
            return 1;
        }
    }
    return 0;
}

static bool find_libc(void) {
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    uint64_t function = libc ? (uint64_t)dlsym(libc, "syscall") : 0;
    if (libc) {
        dlclose(libc);
    }
    return function != 0 && dl_iterate_phdr(take_text, &function) == 1;
}

int CSyscallInterception_dispatch_this_thread(void) {
    if (!atomic_load(&is_running)) {
        return -ENOTSUP;
    }
    sigset_t traps;
    sigemptyset(&traps);
    sigaddset(&traps, SIGSYS);
    pthread_sigmask(SIG_UNBLOCK, &traps, NULL);
    return begin_in_this_thread();
}

void CSyscallInterception_make_invitation(siginfo_t *invitation, int32_t process) {
    *invitation = (siginfo_t){0};
    invitation->si_signo = SIGSYS;
    invitation->si_code = SI_QUEUE;
    invitation->si_pid = process;
    invitation->si_value.sival_ptr = &allowed_start;
}

/* Asks a thread to call for itself; the kernel lets nobody else do it. */
static bool invite(pid_t thread) {
    siginfo_t invitation;
    CSyscallInterception_make_invitation(&invitation, getpid());
    return syscall(SYS_rt_tgsigqueueinfo, getpid(), thread, SIGSYS, &invitation) == 0;
}

/* Invites the other threads whose numbers are above `last`, and makes `last` the highest. How many. */
static uint32_t invite_above(pid_t *last) {
    DIR *threads = opendir("/proc/self/task");
    pid_t self = (pid_t)syscall(SYS_gettid), highest = *last;
    uint32_t invited = 0;
    struct dirent *entry;
    while (threads && (entry = readdir(threads))) {
        pid_t thread = (pid_t)atoi(entry->d_name);
        if (thread > *last) {
            invited += thread != self && invite(thread);
            highest = thread > highest ? thread : highest;
        }
    }
    if (threads) {
        closedir(threads);
    }
    *last = highest;
    return invited;
}

/* Waits for them a while, but not for one that has SIGSYS blocked: it follows when it unblocks it.
   The second time is for a thread that was on its way when the making of threads was patched. */
static void invite_others(void) {
    const struct timespec pause = {0, wait_nanoseconds};
    pid_t last = 0;
    atomic_store(&followed, 0);
    uint32_t invited = invite_above(&last);
    nanosleep(&pause, NULL);
    invited += invite_above(&last);
    for (int round = 0; round < wait_rounds && atomic_load(&followed) < invited; round++) {
        nanosleep(&pause, NULL);
    }
    uint32_t came = atomic_load(&followed);
    atomic_store(&absent, came < invited ? invited - came : 0);
}

uint32_t CSyscallInterception_undispatched_threads(void) { return atomic_load(&absent); }

static int take_signal(void) {
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigfillset(&action.sa_mask);
    CSyscallInterception_action former;
    if (set_kernel_action(NULL, &former) != 0 || sigaction(SIGSYS, &action, NULL) != 0) {
        return -errno;
    }
    if (former.handler != (uint64_t)on_signal) {
        CSyscallInterception_set_trap_action(&former);
    }
    return 0;
}

int CSyscallInterception_start_dispatch(CSyscallInterception_filter filter,
                                        CSyscallInterception_handler handler,
                                        CSyscallInterception_report *report) {
    if (!find_libc()) {
        return -ENOTSUP;
    }
    CSyscallInterception_report local = {0};
    CSyscallInterception_set_receivers(filter, handler);
    int result = atomic_load(&is_running) ? 0 : take_signal();
    if (result == 0) {
        CSyscallInterception_watch_threads(&local);
        CSyscallInterception_allow_quick(false);
        atomic_store(&is_running, true);
        result = CSyscallInterception_dispatch_this_thread();
    }
    if (result == 0) {
        invite_others();
    } else {
        CSyscallInterception_stop_dispatch();
    }
    if (report) {
        *report = local;
    }
    return result;
}

void CSyscallInterception_stop_dispatch(void) {
    if (!atomic_exchange(&is_running, false)) {
        return;
    }
    CSyscallInterception_leave_threads();
    end_in_this_thread();
    invite_others();
    CSyscallInterception_allow_quick(true);
}

#else

#include "decode.h"

int CSyscallInterception_start_dispatch(CSyscallInterception_filter filter,
                                        CSyscallInterception_handler handler,
                                        CSyscallInterception_report *report) {
    (void)filter;
    (void)handler;
    (void)report;
    return -ENOTSUP;
}

uint32_t CSyscallInterception_undispatched_threads(void) { return 0; }

void CSyscallInterception_stop_dispatch(void) {}
int CSyscallInterception_dispatch_this_thread(void) { return -ENOTSUP; }

#endif
