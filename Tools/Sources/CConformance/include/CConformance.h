/* Watches the allocator for one thread: how the conformance tool sees that a provider's cache
   callback allocates, or waits for another thread that does. */
#ifndef CCONFORMANCE_H
#define CCONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether calls of the allocator can be seen: not under a sanitizer, which has its own. */
extern const bool CConformance_sees_allocations;

/* From here on calls of malloc, free and their kin on this thread are counted. Where `hold` is set,
   those of other threads wait until `CConformance_end`, as they would for an allocator's lock, though
   never longer than ten seconds. */
void CConformance_begin(bool hold);

/* Ends that; the number of calls on this thread. */
uint64_t CConformance_end(void);

/* Before and after what this thread does for the tool itself, while it is watched. */
bool CConformance_pause(void);
void CConformance_resume(bool was_counting);

/* Fills memory with bytes that depend on their place and on `seed`. */
void CConformance_fill(void *memory, size_t length, uint64_t seed);

/* The place of the first byte that is not what CConformance_fill wrote at `place` of it; -1 where
   there is none. */
int64_t CConformance_first_difference(const void *memory, size_t place, size_t length,
                                      uint64_t seed);

/* Moves the pages of a mapping to another address and leaves fresh ones in their place. The
   address; NULL where it cannot be done. */
void *CConformance_move_pages_away(void *memory, size_t length);

/* A file in memory that programs do not inherit; -1 where there is none. It can be sealed. */
int CConformance_make_memory_file(void);

/* Ends this process with the one that started it. */
void CConformance_die_with_parent(void);

#endif
