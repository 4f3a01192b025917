/* Sees the memory system calls of this process before the kernel does.

   The wrappers in libc and in the dynamic loader are patched at their `syscall` instruction, so
   calls that libc makes for itself (free, realloc, malloc_trim, thread stacks, dlclose) are seen
   too. A call is decoded into the ranges whose mapping it will change; each is put to the filter,
   and the handler is told of those that the filter wants. Then the call goes to the kernel,
   whatever the handler did.

   Not seen without Syscall User Dispatch: `syscall` instructions elsewhere. Not seen at all:
   io_uring, other processes, the kernel itself. */
#ifndef CSYSCALLINTERCEPTION_H
#define CSYSCALLINTERCEPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    CSyscallInterception_kind_munmap = 1,
    CSyscallInterception_kind_mmap = 2,
    CSyscallInterception_kind_mremap = 3,
    CSyscallInterception_kind_mprotect = 4,
    CSyscallInterception_kind_madvise = 5,
    CSyscallInterception_kind_brk = 6,
    CSyscallInterception_kind_shmdt = 7,
    CSyscallInterception_kind_shmat = 8,
    CSyscallInterception_kind_remap_file_pages = 9,
    CSyscallInterception_kind_truncate = 11, /* 10 is a change that no call announces */
} CSyscallInterception_kind;

/* What a call is about to do to the pages in [start, end). Both are page-aligned; `end` is
   UINT64_MAX where the length cannot be found out (a SysV segment, when /proc cannot be read).
   Of a file that loses pages (truncate) they are offsets in the file `inode`, whoever maps it. */
typedef struct {
    uint64_t start;
    uint64_t end;
    uint64_t inode;
    CSyscallInterception_kind kind;
    uint32_t protection; /* mprotect: PROT_READ, PROT_WRITE and PROT_EXEC as they will be, else 0 */
    uint32_t advice;     /* madvise: MADV_*, else 0 */
    bool is_trap;        /* seen by Syscall User Dispatch, not by a patched call */
} CSyscallInterception_change;

/* Whether anybody cares for a page in [start, end). Asked at every call that changes a mapping, on
   any thread, inside malloc, in signal handlers: it must be quick and take no lock. */
typedef bool (*CSyscallInterception_filter)(uint64_t start, uint64_t end);

/* Told of a change before it happens, with the mapping still in place, on the calling thread; same
   rules of context as the filter. What it does to errno is undone. Memory calls that it makes come
   back here, nested. */
typedef void (*CSyscallInterception_handler)(const CSyscallInterception_change *change);

/* A place that could not be patched: calls through it are not seen. */
typedef struct {
    const char *name;
    const char *reason;
} CSyscallInterception_gap;

enum { CSyscallInterception_site_limit = 32 };

typedef struct {
    uint32_t patched;
    uint32_t gap_count;
    CSyscallInterception_gap gaps[CSyscallInterception_site_limit];
} CSyscallInterception_report;

/* Patches every site that is found. Other threads may be running, also inside the calls that are
   patched. Both functions must stay valid for the life of the process: a thread may still be on its
   way to them after an uninstall. `report` may be NULL. The first call allocates.
   0, or -EALREADY (installed), -EBUSY (another thread is installing), -ENOTSUP (not on this
   processor, or no site was found), or why the kernel gave no memory for the detours. */
int CSyscallInterception_install(CSyscallInterception_filter filter,
                                 CSyscallInterception_handler handler,
                                 CSyscallInterception_report *report);

/* Puts the original bytes back. Threads that are inside a handler finish it. A site that somebody
   else has patched in the meantime is left alone. Does nothing when nothing is installed. */
void CSyscallInterception_uninstall(void);

bool CSyscallInterception_installed(void);

/* Lets the detours of the most frequent calls look for themselves before they ask anybody: where
   `table` has zero for the 32 MiB in which all of a call's range lies, the filter is not asked. The
   word at i is for the addresses from i << CSyscallInterception_table_shift. There are `entries` of
   them, a power of two below 2^32; addresses beyond are put to the filter. The table must stay where
   it is for the life of the process; whoever writes it makes a word other than zero before anything
   there matters. NULL: the filter is asked every time, as it is while dispatch runs. */
enum { CSyscallInterception_table_shift = 25 };
void CSyscallInterception_watch_table(const uint32_t *table, uint64_t entries);

/* Whether files that lose pages are of interest: while not, their calls cost nothing, and the filter
   is not asked about them. Any thread, hook context. */
void CSyscallInterception_watch_files(bool wanted);

/* An open descriptor of this process's /proc/self/maps, or -1 where it has none. Hook context. */
typedef int (*CSyscallInterception_maps_source)(void);

/* From here on a mremap of a range that lies in several mappings, but could have been made as one,
   is carried out piece by piece: for who does what keeps the kernel from merging mappings, as a
   userfaultfd does. Also in a child after a fork, which inherits what was parted. Before Linux 6.11
   nobody says what is parted, and such a call fails (EFAULT). */
void CSyscallInterception_join_remaps(CSyscallInterception_maps_source source);

/* Called before a call that fails on memory which a userfaultfd watches already: MADV_COLLAPSE, and
   UFFDIO_REGISTER of the descriptor `by` (-1 for the former). Whoever watches [start, end) lets go of
   it. Hook context. */
typedef void (*CSyscallInterception_yielder)(int by, uint64_t start, uint64_t end);
void CSyscallInterception_yield_watched(CSyscallInterception_yielder yielder);

/* Syscall User Dispatch: system calls that are not made from libc's code trap, in the calling thread,
   in those that exist, and in those that libc will make; the memory calls among them go to the same
   filter and handler. A thread that has SIGSYS blocked follows when it unblocks it.

   Takes SIGSYS, for good. From then on, while it is started: what the program wants for SIGSYS is
   kept for it, told to it, and done for a SIGSYS that is no trap; and SIGSYS cannot be blocked, by no
   mask of a thread or of a handler: a call that wants to succeeds, and leaves it open. Not so the
   masks of sigsuspend, ppoll, pselect and epoll_pwait: a handler that runs in one which blocks SIGSYS
   may make no raw call.

   `report` may be NULL: what of libc could not be patched for this. 0, -ENOTSUP (not on this
   processor, or no shared libc), or what prctl says. Again is no error. Allocates. Not while another
   thread installs, starts or stops. */
int CSyscallInterception_start_dispatch(CSyscallInterception_filter filter,
                                        CSyscallInterception_handler handler,
                                        CSyscallInterception_report *report);

/* Ends it in the calling thread, and in the others. SIGSYS stays taken. */
void CSyscallInterception_stop_dispatch(void);

/* Starts it in the calling thread, while it is started, and unblocks SIGSYS: for a thread that was
   made by a raw system call. */
int CSyscallInterception_dispatch_this_thread(void);

/* Threads that had SIGSYS blocked when it was started, and that have not followed then. */
uint32_t CSyscallInterception_undispatched_threads(void);

/* The sites that are known, patched or not, for inspection: valid after the first install. */
size_t CSyscallInterception_site_count(void);
const char *CSyscallInterception_site_name(size_t index);
uint64_t CSyscallInterception_site_address(size_t index);
bool CSyscallInterception_site_patched(size_t index);

/* The i-th gap of a report, for languages in which fixed arrays are awkward. */
CSyscallInterception_gap CSyscallInterception_report_gap(const CSyscallInterception_report *report,
                                                         uint32_t index);

#endif
