/* Constants that the headers of some systems that we build on do not have yet. */
#ifndef CMAPPINGCHANGES_NUMBERS_H
#define CMAPPINGCHANGES_NUMBERS_H

#include <stdint.h>

enum {
    advice_dontneed_locked = 24, /* Linux 5.18 */
    advice_collapse = 25,        /* Linux 6.1 */
    advice_guard_install = 102,  /* Linux 6.13 */
    advice_guard_remove = 103,
};

/* io_uring's operations. */
enum { ring_fallocate = 17, ring_madvise = 25, ring_ftruncate = 55 /* Linux 6.9 */ };

/* userfaultfd's move of pages, Linux 6.8. */
typedef struct {
    uint64_t target, source, length, mode;
    int64_t moved;
} userfault_move;

enum { userfault_feature_move = 1 << 16 };

#define USERFAULT_MOVE _IOWR(0xAA, 0x05, userfault_move)

#endif
