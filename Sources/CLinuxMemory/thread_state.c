/* HOOK CONTEXT: everything in this file. What a thread knows of itself. The variables are of the
   initial-exec model: they are there with the thread, and reaching them never allocates. */
#include "CLinuxMemory.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREAD_LOCAL static _Thread_local __attribute__((tls_model("initial-exec")))

/* Sections of this thread, one inside the other, in which signals are blocked. It is raised after
   they are, and lowered before they are not, so a handler finds 0 or does not run. */
THREAD_LOCAL uint32_t sections;

/* The kernel's signal set is 64 bits; going to it directly also blocks the two signals that
   libc keeps for itself, whose handlers may interrupt a critical section like any other. */
uint64_t CLinuxMemory_block_signals(void) {
    /* Not SIGSYS: a system call that traps while it is blocked ends the process. */
    uint64_t all = ~((uint64_t)1 << (SIGSYS - 1)), old = 0;
    if (sections == 0) {
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof old);
    }
    atomic_signal_fence(memory_order_seq_cst);
    sections++;
    return old;
}

void CLinuxMemory_restore_signals(uint64_t mask) {
    sections--;
    atomic_signal_fence(memory_order_seq_cst);
    if (sections == 0) {
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
    }
}

/* The id of this thread, and the process in which it was asked for: a fork keeps the variables and
   changes the ids. The process's own id is in memory that a child finds zeroed. */
THREAD_LOCAL int32_t thread_id;
THREAD_LOCAL int32_t thread_process;

static _Atomic(int32_t) *_Atomic process_word;

__attribute__((constructor)) static void reserve_process_word(void) {
    process_word = CLinuxMemory_reserve(sizeof(int32_t));
}

int32_t CLinuxMemory_thread_id(void) {
    _Atomic(int32_t) *word = process_word;
    int32_t process = word ? atomic_load_explicit(word, memory_order_relaxed) : 0;
    if (process != 0 && process == thread_process) {
        return thread_id;
    }
    int32_t asked = (int32_t)syscall(SYS_gettid);
    if (word) {
        process = (int32_t)syscall(SYS_getpid);
        atomic_store_explicit(word, process, memory_order_relaxed);
        thread_id = asked;
        thread_process = process;
    }
    return asked;
}

THREAD_LOCAL uint32_t number;
static atomic_uint threads;

uint32_t CLinuxMemory_thread_number(void) {
    if (number == 0) {
        number = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) + 1;
    }
    return number;
}
