/* Counts the calls of malloc and its relatives on one thread. Linked into a test program it takes
   libc's place; outside a count it only passes on. */
#ifndef CALLOCATIONCOUNTER_H
#define CALLOCATIONCOUNTER_H

#include <stdbool.h>
#include <stdint.h>

/* False in a program with a sanitizer, which has an allocator of its own: nothing is counted. Nor does
   its runtime bear Syscall User Dispatch when it starts and ends threads: it blocks signals then, and
   makes raw calls. */
extern const bool CAllocationCounter_available;

/* What ThreadSanitizer does not bear:
   - a hook in a thread that begins or ends: its own record of the thread is not there yet, or gone;
   - Syscall User Dispatch: its runtime makes raw calls of its own, and keeps back the SIGSYS of them. */
extern const bool CAllocationCounter_thread_sanitizer;

/* Counts on the calling thread from here on. */
void CAllocationCounter_begin(void);

/* Ends the count; returns how many calls there were. */
uint64_t CAllocationCounter_end(void);

#endif
