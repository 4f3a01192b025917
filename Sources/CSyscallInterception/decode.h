/* From the arguments of a system call to the ranges that it will change. */
#ifndef CSYSCALLINTERCEPTION_DECODE_H
#define CSYSCALLINTERCEPTION_DECODE_H

#include "site.h"

#pragma GCC visibility push(hidden)

/* What the detour saved on the stack, lowest address first: see detour.c. */
typedef struct {
    uint64_t flags;
    uint64_t number;
    uint64_t sixth;  /* r9 */
    uint64_t fifth;  /* r8 */
    uint64_t fourth; /* r10 */
    uint64_t third;  /* rdx */
    uint64_t second; /* rsi */
    uint64_t first;  /* rdi */
} CSyscallInterception_registers;

/* Called by every detour before its call. Returns whether the call was made already: then the
   registers say another, which does nothing but return its first argument, the result. */
bool CSyscallInterception_decide(CSyscallInterception_registers *registers,
                                 const CSyscallInterception_site *site);

/* Makes a mremap that the kernel would refuse because its range lies in several mappings; see
   remap.c. Returns what decide() does. The arguments are ones that the kernel could accept. */
bool CSyscallInterception_remap_in_pieces(CSyscallInterception_registers *registers);

/* Puts one range to the filter and, if it wants it, to the handler. */
void CSyscallInterception_announce(const CSyscallInterception_change *change);

/* Tells the handler without asking the filter. */
void CSyscallInterception_tell(const CSyscallInterception_change *change);

/* ftruncate, truncate and fallocate: see files.c. */
void CSyscallInterception_decode_file_call(uint64_t number,
                                           const CSyscallInterception_registers *call);

/* The filter alone: for calls whose range costs something to find out. */
bool CSyscallInterception_concerns(uint64_t start, uint64_t end);

/* What the detours look at by themselves. The limit's bit 63 says that they may not. */
typedef struct {
    _Atomic(uint64_t) limit;
    _Atomic(const uint32_t *) table;
} CSyscallInterception_quick_words;

extern CSyscallInterception_quick_words CSyscallInterception_quick;

/* While dispatch runs every call through a detour must come to decide(), for the selector's sake. */
void CSyscallInterception_allow_quick(bool allowed);

/* Names who is asked; the filter last, because without one nothing is. */
void CSyscallInterception_set_receivers(CSyscallInterception_filter filter,
                                        CSyscallInterception_handler handler);

/* MADV_COLLAPSE, of Linux 6.1. */
enum { CSyscallInterception_advice_collapse = 25 };

/* Whether the advice takes pages away, or exchanges them, now or when the kernel likes. */
bool CSyscallInterception_is_change(uint64_t advice);

/* Where the SysV segment that is attached at `address` ends, 0 when there is none there, UINT64_MAX
   when that cannot be found out. */
uint64_t CSyscallInterception_attachment_end(uint64_t address);

/* The length in bytes of a SysV segment, rounded up to pages; 0 when it cannot be attached. */
uint64_t CSyscallInterception_segment_length(uint64_t identifier);

/* What the kernel rounds the length of a mapping up to: the page, or for huge pages theirs. */
uint64_t CSyscallInterception_mapping_granularity(uint64_t flags, uint64_t descriptor);

/* Whether the calling thread is in a trap of Syscall User Dispatch. */
bool CSyscallInterception_in_trap(void);

/* Whether the calling thread's raw system calls trap: then every hook needs the two below. */
extern __thread volatile bool CSyscallInterception_is_dispatched
    __attribute__((tls_model("initial-exec")));

/* Whether it is in a trap or, where its raw calls trap, in a hook. */
bool CSyscallInterception_in_hook(void);

/* Around a hook that is not in a trap: its own raw calls (through the gateway, and of libraries that
   a handler uses) do not trap. A thread that ends has SIGSYS blocked when libc gives up its stack,
   and a trap would end the process. Nested ones belong to the outermost. What the second does also lets raw calls trap again where one
   that changes the stack has ended that. */
bool CSyscallInterception_begin_hook(void);
void CSyscallInterception_end_hook(bool is_ours);

#pragma GCC visibility pop

#endif
