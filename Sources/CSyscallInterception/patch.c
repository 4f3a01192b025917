/* PROTOCOL. What other threads may see while a site is being written, in either direction. Both the
   old and the new five bytes are a single instruction, and nothing jumps into their middle. So a
   thread executes the old one, or the new one, or it must wait; never a mixture. By where the site
   lies:

   1. Inside one aligned 8-byte word (most sites): the word is stored at once, which is atomic for
      data and for instruction fetches. A barrier follows: every core has the new code at return.

   2. Not so, but with its first two bytes in one cache line:
        a. the first two bytes become `eb fe`, a jump to itself, by one locked exchange
        b. barrier: every thread spins there, or is past the site, or will see the jump
        c. bytes 2 to 4 are written; nobody executes them
        d. barrier: nobody has fetched the old ones and kept them
        e. the first two bytes become the new ones, by one locked exchange; the spinners go on
        f. barrier: every core has the new code at return
      The spinners wait for a few microseconds. The writer must not wait for any of them: it takes
      no lock, and its signals are blocked, since a handler could run into the site and spin.

   3. With its first two bytes in two cache lines, which no store can change at once as a fetching
      core sees it: a copy of the page (or the two pages) is changed and moved over the original by
      mremap. The kernel exchanges pages under its own lock and interrupts every core in between; a
      thread that fetches meanwhile faults and waits. The page loses its name in /proc/self/maps,
      so this is for where nothing else is sound.

   The barrier is membarrier(PRIVATE_EXPEDITED_SYNC_CORE): every thread of the process executes a
   serialising instruction before it returns to user code. Where the kernel has none (before 4.16,
   or forbidden), write access to the page is taken away and given back: the kernel then interrupts
   every core that runs this process to drop the entry from its TLB, and returning from an interrupt
   serialises. Writing goes through the raw gateway only. */
#include "patch.h"

#if defined(__x86_64__)

#include "gateway.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

/* ThreadSanitizer keeps a record of every store, but none that can be written of code. */
#if __has_attribute(disable_sanitizer_instrumentation)
#define WRITES_CODE __attribute__((disable_sanitizer_instrumentation))
#else
#define WRITES_CODE
#endif

enum { code_length = 5, page_size = 4096, word_length = 8, cache_line_length = 64 };

static bool has_barrier;

void CSyscallInterception_prepare_exchange(void) {
    has_barrier = CSyscallInterception_call(SYS_membarrier,
                                            MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0,
                                            0, 0, 0, 0) == 0;
}

typedef struct {
    uint8_t *start;
    size_t length;
} pages;

static pages pages_of(uint8_t *address) {
    uintptr_t start = (uintptr_t)address & ~(uintptr_t)(page_size - 1);
    uintptr_t last = (uintptr_t)address + code_length - 1;
    uintptr_t end = (last & ~(uintptr_t)(page_size - 1)) + page_size;
    return (pages){(uint8_t *)start, end - start};
}

static int protect(pages range, int protection) {
    return (int)CSyscallInterception_call(SYS_mprotect, (long)range.start, (long)range.length,
                                          protection, 0, 0, 0);
}

static void synchronise_cores(pages range) {
    if (!has_barrier ||
        CSyscallInterception_call(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0,
                                  0, 0, 0) != 0) {
        protect(range, PROT_READ | PROT_EXEC);
        protect(range, PROT_READ | PROT_WRITE | PROT_EXEC);
    }
}

WRITES_CODE static void write_word(uint8_t *address, const uint8_t wanted[code_length]) {
    uintptr_t offset = (uintptr_t)address % word_length;
    _Atomic(uint64_t) *word = (_Atomic(uint64_t) *)(address - offset);
    uint64_t value = atomic_load_explicit(word, memory_order_relaxed);
    memcpy((uint8_t *)&value + offset, wanted, code_length);
    atomic_store_explicit(word, value, memory_order_seq_cst);
}

/* xchg locks by itself, so the two bytes change at once wherever they lie in their cache line. */
WRITES_CODE static void write_first_two(uint8_t *address, const uint8_t wanted[2]) {
    uint16_t value;
    memcpy(&value, wanted, sizeof value);
    __asm__ volatile("xchgw %0, %1" : "+r"(value), "+m"(*(uint8_t (*)[2])address) : : "memory");
}

WRITES_CODE static void write_behind_loop(pages range, uint8_t *address,
                                          const uint8_t wanted[code_length]) {
    static const uint8_t jump_to_itself[] = {0xeb, 0xfe};
    write_first_two(address, jump_to_itself);
    synchronise_cores(range);
    for (int index = 2; index < code_length; index++) {
        *(volatile uint8_t *)(address + index) = wanted[index];
    }
    synchronise_cores(range);
    write_first_two(address, wanted);
}

static int write_in_place(uint8_t *address, const uint8_t wanted[code_length]) {
    pages range = pages_of(address);
    int result = protect(range, PROT_READ | PROT_WRITE | PROT_EXEC);
    if (result != 0) {
        return result;
    }
    if ((uintptr_t)address % word_length + code_length <= word_length) {
        write_word(address, wanted);
    } else {
        write_behind_loop(range, address, wanted);
    }
    synchronise_cores(range);
    return protect(range, PROT_READ | PROT_EXEC);
}

static int replace_pages(uint8_t *address, const uint8_t wanted[code_length]) {
    pages range = pages_of(address);
    long copy = CSyscallInterception_call(SYS_mmap, 0, (long)range.length, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy < 0) {
        return (int)copy;
    }
    memcpy((uint8_t *)copy, range.start, range.length);
    memcpy((uint8_t *)copy + (address - range.start), wanted, code_length);
    long result = protect((pages){(uint8_t *)copy, range.length}, PROT_READ | PROT_EXEC);
    if (result == 0) {
        result = CSyscallInterception_call(SYS_mremap, copy, (long)range.length, (long)range.length,
                                           MREMAP_MAYMOVE | MREMAP_FIXED, (long)range.start, 0);
    }
    if (result < 0) {
        CSyscallInterception_call(SYS_munmap, copy, (long)range.length, 0, 0, 0, 0);
        return (int)result;
    }
    return 0;
}

int CSyscallInterception_exchange_code(uint8_t *address, const uint8_t expected[code_length],
                                       const uint8_t wanted[code_length]) {
    if (memcmp(address, expected, code_length) != 0) {
        return -EBUSY;
    }
    bool splits_line = (uintptr_t)address % cache_line_length == cache_line_length - 1;
    return splits_line ? replace_pages(address, wanted) : write_in_place(address, wanted);
}

#endif
