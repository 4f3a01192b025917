/* What Swift cannot call: variadic functions of libc, and those of malloc.h. */
#ifndef CTOOLS_H
#define CTOOLS_H

#include <stddef.h>

/* mremap of `length` bytes to `target`, which is overwritten. 0, or -errno. */
int CTools_move_mapping(void *source, size_t length, void *target);

/* From here on malloc maps blocks of `length` bytes or more, and free unmaps them, however often. */
void CTools_map_large_blocks(int length);

#endif
