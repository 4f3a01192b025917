/* System calls, and structures of the kernel, that Swift cannot reach: variadic functions, macros
   and calls that libc has no wrapper for. Nothing here allocates. */
#ifndef CLINUXMEMORY_H
#define CLINUXMEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Waits while *word is `expected`, at most `nanoseconds` (negative: without bound). Returns 0 when
   woken or when the word had another value, else -errno (ETIMEDOUT, EINTR). The word may lie in a
   mapping that several processes share. */
int CLinuxMemory_futex_wait(const void *word, uint32_t expected, int64_t nanoseconds);

/* Wakes up to `count` waiters. */
void CLinuxMemory_futex_wake(const void *word, int count);

/* A memfd of `length` bytes, closed on exec. Returns the descriptor or -errno. */
int CLinuxMemory_memfd(const char *name, size_t length);

/* Adds F_SEAL_* seals; 0 or -errno. */
int CLinuxMemory_add_seals(int descriptor, int seals);
int CLinuxMemory_get_seals(int descriptor);

extern const int CLinuxMemory_seal_shrink;
extern const int CLinuxMemory_seal_grow;
extern const int CLinuxMemory_seal_future_write;

/* Nanoseconds of CLOCK_REALTIME and CLOCK_MONOTONIC; through the vDSO, safe in hook context. */
uint64_t CLinuxMemory_realtime(void);
uint64_t CLinuxMemory_monotonic(void);

/* The calling thread's id, as the kernel counts it. */
int32_t CLinuxMemory_thread_id(void);

/* Blocks every signal of the calling thread and returns the mask it had; and puts it back. */
uint64_t CLinuxMemory_block_signals(void);
void CLinuxMemory_restore_signals(uint64_t mask);

/* A hint to the processor in a loop that waits for another thread's word. */
void CLinuxMemory_relax(void);

#endif
