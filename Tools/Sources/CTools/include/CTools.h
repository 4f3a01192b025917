/* What Swift cannot call: variadic functions of libc, and those of malloc.h. */
#ifndef CTOOLS_H
#define CTOOLS_H

#include <stddef.h>
#include <stdint.h>

/* mremap of `length` bytes to `target`, which is overwritten. 0, or -errno. */
int CTools_move_mapping(void *source, size_t length, void *target);

/* Bytes of memory that this user may lock: RLIMIT_MEMLOCK, whose name is a macro in some headers. */
uint64_t CTools_locked_memory_limit(void);

/* From here on malloc maps blocks of `length` bytes or more, and free unmaps them, however often. */
void CTools_map_large_blocks(int length);

#endif
