/* Exchanging five bytes of code that other threads may be executing. */
#ifndef CSYSCALLINTERCEPTION_PATCH_H
#define CSYSCALLINTERCEPTION_PATCH_H

#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Replaces `expected` by `wanted` at `address`, in pages that are readable and executable and end
   so. 0; -EBUSY when something else is there; or why the pages cannot be made writable. Signals of
   the calling thread must be blocked, and only one thread may be in here. */
int CSyscallInterception_exchange_code(uint8_t *address, const uint8_t expected[5],
                                       const uint8_t wanted[5]);

/* Readies the kernel's barrier for executing threads; once a process, before the first exchange. */
void CSyscallInterception_prepare_exchange(void);

#pragma GCC visibility pop

#endif
