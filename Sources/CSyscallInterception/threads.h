/* Between dispatch.c and threads.c. */
#ifndef CSYSCALLINTERCEPTION_THREADS_H
#define CSYSCALLINTERCEPTION_THREADS_H

#include "decode.h"

#include <signal.h>

#pragma GCC visibility push(hidden)

/* An action for a signal, as the kernel has it. */
typedef struct {
    uint64_t handler, flags, restorer, mask;
} CSyscallInterception_action;

/* What the program wants for SIGSYS, since dispatch has it. */
CSyscallInterception_action CSyscallInterception_trap_action(void);
void CSyscallInterception_set_trap_action(const CSyscallInterception_action *action);

/* A SIGSYS upon which a thread of this process starts dispatch. */
void CSyscallInterception_make_invitation(siginfo_t *invitation, int32_t process);

/* Patches the sites of threads, and unpatches them. What is not seen is added to the report. Not in
   hook context, and not while another thread installs. */
void CSyscallInterception_watch_threads(CSyscallInterception_report *report);
void CSyscallInterception_leave_threads(void);

/* A call of a number that is_thread_call() at a site, outside of begin_hook() and end_hook(). May
   change what the call asks for. `is_libcs`: by libc itself, and not through syscall(). */
void CSyscallInterception_decide_thread_call(uint64_t number, CSyscallInterception_registers *call,
                                             bool is_libcs);

/* A raw call in a trap: whether it was made in another form, and its result. `mask` is that which
   the thread will have when the handler returns. */
bool CSyscallInterception_settle_trap(const CSyscallInterception_registers *call, uint64_t *mask,
                                      long *result);

#pragma GCC visibility pop

#endif
