/* HOOK CONTEXT: everything in this file but watch_threads() and leave_threads().

   What Syscall User Dispatch needs of a thread, while it is started:

   - A new thread begins without it. libc makes every thread with `clone3` (or `clone`), in one
     function each; there the function that the thread is to call is replaced by the stub below,
     which sends the thread the invitation that those get who exist already, and goes on where libc
     wanted. libc starts a thread with all signals blocked: the invitation arrives when it has set
     the thread's own mask, before the first instruction of the program's.
   - A trap that finds SIGSYS blocked is fatal. So it is taken out of the sets that a thread asks to
     block, or has blocked while a handler runs; nobody but the kernel sees the difference, until he
     asks for the mask.
   - The action for SIGSYS stays ours. What the program wants there is written down, told to who asks,
     and called for a SIGSYS that is no trap.

   A call is made here with what it may ask for, and the original asks for nothing then, and
   succeeds. It is made by libc, outside the hook, so that a handler that runs upon it has its raw
   calls seen. The gateway would trap here, and libc makes threads with all signals blocked. In a process that was forked off, or shares our
   memory until it calls exec, all is left as it is.

   Registers: the sites are in functions of libc that keep no vector register over their call. All the
   same nothing here uses one. */
#include "threads.h"

#if defined(__x86_64__)

#include "gateway.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <unistd.h>

#pragma clang attribute push(__attribute__((target("general-regs-only"))), apply_to = function)

enum { number_clone3 = 435, action_limit = 16, signal_limit = 64 };

static const long set_length = 8;

static const uint64_t trap_bit = (uint64_t)1 << (SIGSYS - 1);

/* The process in which threads are watched, 0 while none is. */
static _Atomic(int32_t) watched_process;

/* What the program wants for SIGSYS: the newest is the one that counts. A ring, because a signal
   handler may be reading one while the next is written. */
static CSyscallInterception_action actions[action_limit];
static _Atomic(uint32_t) action_count;

CSyscallInterception_action CSyscallInterception_trap_action(void) {
    return actions[atomic_load(&action_count) % action_limit];
}

void CSyscallInterception_set_trap_action(const CSyscallInterception_action *action) {
    uint32_t next = atomic_load(&action_count) + 1;
    actions[next % action_limit] = *action;
    atomic_store(&action_count, next);
}

/* A fork copies the word, and a process that shares our memory sees it. */
static bool is_watched_process(void) {
    int32_t process = atomic_load_explicit(&watched_process, memory_order_relaxed);
    return process != 0 && process == getpid();
}

/* Copies from or to the program's memory, which may not be there. libc's own can be relied on. */
static bool copy(void *ours, uint64_t theirs, size_t length, bool is_libcs, long number) {
    if (is_libcs) {
        uint64_t *to = number == SYS_process_vm_readv ? ours : (uint64_t *)theirs;
        const uint64_t *from = number == SYS_process_vm_readv ? (const uint64_t *)theirs : ours;
        for (size_t index = 0; index < length / sizeof *to; index++) {
            to[index] = from[index];
        }
        return true;
    }
    struct iovec local = {ours, length}, remote = {(void *)theirs, length};
    /* All of them words: an int that is passed on the stack leaves half of its word as it was. */
    return syscall(number, (long)getpid(), &local, 1L, &remote, 1L, 0L) == (long)length;
}

static long result_of(long result) { return result < 0 ? -errno : result; }

/* MARK: New threads */

#pragma GCC visibility push(hidden)
void CSyscallInterception_begin_thread(void);
void CSyscallInterception_invite_this_thread(void);
#pragma GCC visibility pop

/* In: rdi = the thread's argument, r9 = its function; the stack as at any function's beginning. */
__asm__(".text\n"
        ".balign 16\n"
        ".globl CSyscallInterception_begin_thread\n"
        ".hidden CSyscallInterception_begin_thread\n"
        ".type CSyscallInterception_begin_thread, @function\n"
        "CSyscallInterception_begin_thread:\n"
        ".cfi_startproc\n"
        "endbr64\n"
        "push %rdi\n"
        ".cfi_adjust_cfa_offset 8\n"
        "push %r9\n"
        ".cfi_adjust_cfa_offset 8\n"
        "sub $8, %rsp\n"
        ".cfi_adjust_cfa_offset 8\n"
        "call CSyscallInterception_invite_this_thread\n"
        "add $8, %rsp\n"
        ".cfi_adjust_cfa_offset -8\n"
        "pop %r9\n"
        ".cfi_adjust_cfa_offset -8\n"
        "pop %rdi\n"
        ".cfi_adjust_cfa_offset -8\n"
        "jmp *%r9\n"
        ".cfi_endproc\n"
        ".size CSyscallInterception_begin_thread, . - CSyscallInterception_begin_thread\n");

/* Raw calls do not trap yet in this thread. */
void CSyscallInterception_invite_this_thread(void) {
    long process = CSyscallInterception_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
    long thread = CSyscallInterception_call(SYS_gettid, 0, 0, 0, 0, 0, 0);
    siginfo_t invitation;
    CSyscallInterception_make_invitation(&invitation, (int32_t)process);
    CSyscallInterception_call(SYS_rt_tgsigqueueinfo, process, thread, SIGSYS, (long)&invitation, 0,
                              0);
}

/* At the sites in clone3 (rdi = its arguments, which begin with the flags; rdx = the function; r8 =
   what it is called with) and clone (rdi = the flags; rsi = the new stack, with the function on
   top). r9 means nothing to either, and the new thread gets it. */
static void replace_start(uint64_t number, CSyscallInterception_registers *call) {
    const uint64_t wanted = CLONE_VM | CLONE_THREAD | CLONE_SETTLS;
    bool is_new = number == number_clone3;
    uint64_t flags = is_new ? *(const uint64_t *)call->first : call->first;
    if ((flags & wanted) != wanted || !is_watched_process()) {
        return;
    }
    uint64_t *function = is_new ? &call->third : (uint64_t *)call->second;
    call->sixth = *function;
    *function = (uint64_t)&CSyscallInterception_begin_thread;
}

/* MARK: Masks and actions */

/* The set that a call wants blocked, where SIGSYS is in it. */
static bool wants_blocked(const CSyscallInterception_registers *call, bool is_libcs,
                          uint64_t *set) {
    int how = (int)call->first;
    return (how == SIG_BLOCK || how == SIG_SETMASK) && call->second != 0 &&
           call->fourth == (uint64_t)set_length &&
           copy(set, call->second, sizeof *set, is_libcs, SYS_process_vm_readv) &&
           (*set & trap_bit) && is_watched_process();
}

/* The action for SIGSYS itself. */
static bool settle_trap_action(const CSyscallInterception_registers *call, bool is_libcs,
                               long *result) {
    CSyscallInterception_action wanted, old = CSyscallInterception_trap_action();
    if (!is_watched_process() ||
        (call->second &&
         !copy(&wanted, call->second, sizeof wanted, is_libcs, SYS_process_vm_readv))) {
        return false;
    }
    if (call->second) {
        CSyscallInterception_set_trap_action(&wanted);
    }
    bool is_told = !call->third ||
                   copy(&old, call->third, sizeof old, is_libcs, SYS_process_vm_writev);
    *result = is_told ? 0 : -EFAULT;
    return true;
}

/* Makes an rt_sigaction in another form, where its own will not do. */
static bool settle_action(const CSyscallInterception_registers *call, bool is_libcs, long *result) {
    CSyscallInterception_action wanted;
    if (call->fourth != (uint64_t)set_length) {
        return false;
    }
    if ((int)call->first == SIGSYS) {
        return settle_trap_action(call, is_libcs, result);
    }
    if (!call->second ||
        !copy(&wanted, call->second, sizeof wanted, is_libcs, SYS_process_vm_readv) ||
        !(wanted.mask & trap_bit) || !is_watched_process()) {
        return false;
    }
    wanted.mask &= ~trap_bit;
    *result = result_of(syscall(SYS_rt_sigaction, call->first, &wanted, call->third, set_length));
    return true;
}

/* The call was made already: what is left of it does nothing, and says so. Where it failed because
   of where the old value was to go, it fails by that again. */
static void leave_nothing(CSyscallInterception_registers *call, long result) {
    if (result == 0) {
        call->second = call->third = 0;
    } else if (result == -EFAULT) {
        call->second = 0;
    }
}

void CSyscallInterception_decide_thread_call(uint64_t number, CSyscallInterception_registers *call,
                                             bool is_libcs) {
    if (atomic_load_explicit(&watched_process, memory_order_relaxed) == 0) {
        return;
    }
    int saved = errno;
    uint64_t set;
    long result;
    if (number == SYS_rt_sigprocmask && wants_blocked(call, is_libcs, &set)) {
        set &= ~trap_bit;
        leave_nothing(call, result_of(syscall(SYS_rt_sigprocmask, call->first, &set, call->third,
                                              set_length)));
    } else if (number == SYS_rt_sigaction && settle_action(call, is_libcs, &result)) {
        leave_nothing(call, result);
    } else if (is_libcs && (number == SYS_clone || number == number_clone3)) {
        replace_start(number, call);
    }
    errno = saved;
}

bool CSyscallInterception_settle_trap(const CSyscallInterception_registers *call, uint64_t *mask,
                                      long *result) {
    uint64_t set, old = *mask;
    if (call->number == SYS_rt_sigaction) {
        return settle_action(call, false, result);
    }
    if (call->number != SYS_rt_sigprocmask || !wants_blocked(call, false, &set)) {
        return false;
    }
    /* The return from the handler sets it. */
    *mask = ((int)call->first == SIG_BLOCK ? old | set : set) & ~trap_bit;
    bool is_told =
        !call->third || copy(&old, call->third, sizeof old, false, SYS_process_vm_writev);
    *result = is_told ? 0 : -EFAULT;
    return true;
}

#pragma clang attribute pop

/* MARK: Starting and stopping */

static CSyscallInterception_site sites[CSyscallInterception_site_limit];
static size_t site_count;
static CSyscallInterception_report found;

/* Handlers that are there already block no traps any more. */
static void clear_masks(void) {
    for (long number = 1; number <= signal_limit; number++) {
        CSyscallInterception_action action;
        bool is_known = number != SIGSYS &&
                        syscall(SYS_rt_sigaction, number, NULL, &action, set_length) == 0;
        if (is_known && action.handler > (uint64_t)SIG_IGN && (action.mask & trap_bit)) {
            action.mask &= ~trap_bit;
            syscall(SYS_rt_sigaction, number, &action, NULL, set_length);
        }
    }
}

void CSyscallInterception_watch_threads(CSyscallInterception_report *report) {
    if (site_count == 0) {
        size_t count = CSyscallInterception_find_thread_sites(sites, &found);
        if (CSyscallInterception_prepare_sites(sites, count) != 0) {
            CSyscallInterception_note_gap(report, "new threads", "libc could not be patched");
            return;
        }
        site_count = count;
    }
    *report = found;
    atomic_store(&watched_process, getpid());
    CSyscallInterception_patch_sites(sites, site_count, report);
    clear_masks();
}

void CSyscallInterception_leave_threads(void) {
    atomic_store(&watched_process, 0);
    CSyscallInterception_restore_sites(sites, site_count);
}

#endif
