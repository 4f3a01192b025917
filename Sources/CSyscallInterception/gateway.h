/* The one raw gateway to the kernel. Everything in this module that needs a system call comes
   through here: libc's wrappers are what is being patched, and errno belongs to the interrupted
   caller. */
#ifndef CSYSCALLINTERCEPTION_GATEWAY_H
#define CSYSCALLINTERCEPTION_GATEWAY_H

#if defined(__x86_64__)

#include <sys/syscall.h>

/* The kernel's result: a value, or a negative error number. */
static inline long CSyscallInterception_call(long number, long first, long second, long third,
                                             long fourth, long fifth, long sixth) {
    long result;
    register long r10 __asm__("r10") = fourth;
    register long r8 __asm__("r8") = fifth;
    register long r9 __asm__("r9") = sixth;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory", "cc");
    return result;
}

#endif
#endif
