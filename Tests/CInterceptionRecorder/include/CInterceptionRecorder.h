/* What the tests of CSyscallInterception need in C: a filter and a handler that keep to the rules
   of hook context, calls that Swift cannot make, and code to patch. */
#ifndef CINTERCEPTIONRECORDER_H
#define CINTERCEPTIONRECORDER_H

#include "CSyscallInterception.h"

/* A change as the handler saw it. */
typedef struct {
    CSyscallInterception_change change;
    int32_t content; /* the byte at the change's start at that moment, -1 when it cannot be read */
    int32_t thread;
    uint32_t depth;  /* how many handlers were already running on some thread */
    uint32_t frames; /* how many frames an unwinder found above the handler, when asked to count */
} CInterceptionRecorder_entry;

bool CInterceptionRecorder_filter(uint64_t start, uint64_t end);
void CInterceptionRecorder_handler(const CSyscallInterception_change *change);

/* Forgets everything and lets the filter want changes of [start, end). */
void CInterceptionRecorder_watch(uint64_t start, uint64_t end);
size_t CInterceptionRecorder_count(void);
CInterceptionRecorder_entry CInterceptionRecorder_entry_at(size_t index);

/* How often the filter was asked since the last watch. */
size_t CInterceptionRecorder_questions(void);

/* The next change makes the handler unmap this with libc's munmap. */
void CInterceptionRecorder_unmap_in_handler(void *start, size_t length);

/* Every change makes the handler unwind its stack. */
void CInterceptionRecorder_unwind_in_handler(bool wanted);

/* Calls with a variable number of arguments, or that Swift's Glibc has not. Results are libc's. */
void CInterceptionRecorder_malloc_trim(void);
int32_t CInterceptionRecorder_thread(void);
void *CInterceptionRecorder_mremap(void *old, size_t old_length, size_t new_length, int flags,
                                   void *destination);
long CInterceptionRecorder_syscall(long number, long first, long second, long third, long fourth,
                                   long fifth, long sixth);
int CInterceptionRecorder_pkey_mprotect(void *start, size_t length, int protection, int key);
int CInterceptionRecorder_remap_file_pages(void *start, size_t length, size_t page_offset);
long CInterceptionRecorder_process_madvise(void *first, void *second, size_t length, int advice);
int CInterceptionRecorder_shmget(size_t length);
void *CInterceptionRecorder_shmat(int identifier, void *address, int flags);
int CInterceptionRecorder_shmdt(void *address);
void CInterceptionRecorder_shm_remove(int identifier);
extern const int CInterceptionRecorder_shm_remap;

/* Changes made elsewhere than in a plain call. */
void CInterceptionRecorder_unmap_in_thread(void *start, size_t length);
void CInterceptionRecorder_unmap_in_signal_handler(void *start, size_t length);
void CInterceptionRecorder_watch_and_release_thread_stack(void);

/* A system call by an instruction outside libc: the kernel's result. */
long CInterceptionRecorder_raw(long number, long first, long second, long third, long fourth,
                               long fifth, long sixth);
long CInterceptionRecorder_raw_munmap(void *start, size_t length);

/* The same on another thread, which calls `prepare` first; what that returned. */
int CInterceptionRecorder_raw_munmap_in_thread(void *start, size_t length, int (*prepare)(void));

/* A thread that calls `prepare`, then `with_stack` with a page of its stack, and ends: libc gives the
   stack up with all signals blocked. What `prepare` returned. */
int CInterceptionRecorder_end_thread(int (*prepare)(void), void (*with_stack)(void *, size_t));

/* A thread that is there, and unmaps by a raw call when it is told to. */
void CInterceptionRecorder_start_waiting_thread(void *start, size_t length);
void CInterceptionRecorder_let_it_unmap_raw(void);

void CInterceptionRecorder_raw_munmap_in_signal_handler(void *start, size_t length);

/* Sets the thread's signal mask by a raw call. */
long CInterceptionRecorder_raw_mask(uint64_t mask, uint64_t *former);

/* Has SIGSYS counted; and sends one to the calling thread, returns how many were. */
int CInterceptionRecorder_take_sigsys(void);
int CInterceptionRecorder_raise_sigsys(void);

/* Threads, each of which unmaps its part by a raw call. */
void CInterceptionRecorder_raw_munmap_in_threads(void *start, size_t length, size_t threads);

/* A thread that libc knows nothing of does it: 0 or -errno. */
int CInterceptionRecorder_raw_munmap_in_raw_thread(void *start, size_t length);

/* A thread that begins with every signal blocked unmaps the first half, unblocks SIGSYS and unmaps
   the second. Whether SIGSYS was blocked. */
bool CInterceptionRecorder_raw_munmap_in_blocked_thread(void *start, size_t length);

typedef enum {
    CInterceptionRecorder_route_function,
    CInterceptionRecorder_route_syscall,
    CInterceptionRecorder_route_instruction,
    CInterceptionRecorder_route_context,
} CInterceptionRecorder_route;

/* Blocks every signal; the kernel's mask then. */
uint64_t CInterceptionRecorder_block_all(CInterceptionRecorder_route route);

/* Installs a handler that blocks every signal, and runs it: it unmaps by a raw call. The last
   installs and runs one in sigsuspend with a mask that blocks SIGSYS. */
void CInterceptionRecorder_handle_with_all_blocked(CInterceptionRecorder_route route);
void CInterceptionRecorder_raw_munmap_in_that_handler(void *start, size_t length);
void CInterceptionRecorder_raw_munmap_in_suspended_handler(void *start, size_t length);

/* Whether the program's action for SIGSYS is what it last set: first a handler, then, for a signal
   that is sent, ignoring, then the handler again. */
bool CInterceptionRecorder_sigsys_is_taken(void);
void CInterceptionRecorder_default_sigsys(void);

/* Starts a program with every signal's default action; its status. */
int CInterceptionRecorder_spawn_with_defaults(void);

/* Forks: 0 where the child can block SIGSYS and set its action. */
int CInterceptionRecorder_child_has_sigsys(void);

/* The kernel does it on its own account: 0 or -errno. */
int CInterceptionRecorder_uring_madvise(void *start, size_t length, int advice);
int CInterceptionRecorder_uffd_move(void *destination, void *source, size_t length);

/* Has a userfaultfd of its own, which stays open, take the faults of a range, by libc's ioctl or by a
   raw one: 0 or -errno. */
int CInterceptionRecorder_uffd_register(void *start, size_t length, bool raw);

/* A thread that exchanges pages for others by a raw call, once each time that it is asked, after so
   many rounds of doing nothing. */
void CInterceptionRecorder_start_exchanging(void);
void CInterceptionRecorder_exchange_soon(void *start, size_t length, uint32_t delay);
void CInterceptionRecorder_await_exchange(void);
void CInterceptionRecorder_stop_exchanging(void);

/* A memfd of this length, or -1. */
int CInterceptionRecorder_memfd(size_t length);
int CInterceptionRecorder_punch_hole(int descriptor, size_t length);

/* Another process does it; its status. */
int CInterceptionRecorder_punch_hole_in_child(int descriptor, size_t length);
int CInterceptionRecorder_truncate_in_child(int descriptor, long length);

/* A signal to the calling thread every so often, in which memory of this length that was offered is unmapped. Who offers
   gets back what was not taken; the end returns how often it was. */
void CInterceptionRecorder_start_storm(long microseconds, size_t length);
void *CInterceptionRecorder_offer_to_storm(void *memory);
size_t CInterceptionRecorder_end_storm(void);

/* Runs a line of shell in a program that is started this way; its status, or -1. */
typedef enum {
    CInterceptionRecorder_by_spawn,
    CInterceptionRecorder_by_vfork,
    CInterceptionRecorder_by_fork,
} CInterceptionRecorder_way;
int CInterceptionRecorder_run_line(CInterceptionRecorder_way way, const char *line);

/* Threads that map, write, protect, advise and unmap, each `rounds` times; start returns a handle,
   join the number of calls that went wrong. */
void *CInterceptionRecorder_start_hammering(size_t threads, size_t rounds);
bool CInterceptionRecorder_is_hammering(void *hammer);
size_t CInterceptionRecorder_join(void *hammer);

/* A function with a site, `mov $SYS_munmap,%eax; syscall; ret`, `offset` bytes into a page. */
typedef struct CInterceptionRecorder_code CInterceptionRecorder_code;
CInterceptionRecorder_code *CInterceptionRecorder_make_code(size_t offset);
int CInterceptionRecorder_patch_code(CInterceptionRecorder_code *code, bool patched);
long CInterceptionRecorder_call_code(CInterceptionRecorder_code *code, void *start, size_t length);

/* Calls the function from `threads` threads while it is patched and unpatched `exchanges` times.
   Returns the number of calls with a wrong result. */
size_t CInterceptionRecorder_exchange_under_fire(CInterceptionRecorder_code *code, size_t threads,
                                                 size_t exchanges);

/* Reads the code in one thread while it is patched and unpatched in another. Returns how often it
   was neither the one instruction nor the other, nor the jump to itself: what would have been
   executed. */
size_t CInterceptionRecorder_mixtures_seen(CInterceptionRecorder_code *code, size_t exchanges);

/* Calls the function with known values in the registers and flags that a system call preserves.
   Returns a bit for each that came back different: 0 to 11 rbx rbp rdi rsi rdx r8 r9 r10 r12 to
   r15, and bit 16 the flags; `flags` are the arithmetic flags to begin with. */
uint64_t CInterceptionRecorder_clobbered(CInterceptionRecorder_code *code, uint64_t flags);

#endif
