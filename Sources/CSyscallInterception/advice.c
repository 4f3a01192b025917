/* HOOK CONTEXT. What madvise does. */
#include "decode.h"

#if defined(__x86_64__)

#include <sys/mman.h>

/* Newer than the headers of some systems that we build on. */
enum {
    advice_dontneed_locked = 24, /* Linux 5.18 */
    advice_hwpoison = 100,
    advice_soft_offline = 101,
    advice_guard_install = 102, /* Linux 6.13 */
};

bool CSyscallInterception_is_change(uint64_t advice) {
    switch (advice) {
    case MADV_DONTNEED:
    case MADV_FREE:
    case MADV_REMOVE:
    case MADV_WIPEONFORK:
    case MADV_PAGEOUT:
    case advice_dontneed_locked:
    case CSyscallInterception_advice_collapse:
    case advice_hwpoison:
    case advice_soft_offline:
    case advice_guard_install:
        return true;
    default:
        return false;
    }
}

#endif
