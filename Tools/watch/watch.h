/* The LD_PRELOAD form of the tracker: libpindown-watch.so.

   In any program it secures and pins a random sample of the program's own memory, as a registration
   cache would, and holds the tracker to its word by page frames:

   - when a region's owner is told of a change, its pages are still those that were pinned;
   - as long as nobody is told, they stay those.

   The library itself is only C and costs a process nothing at its start but a thread, which loads
   libPindown.so a little later. */
#ifndef PINDOWN_WATCH_H
#define PINDOWN_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    region_limit = 192,
    pages_limit = 16, /* of a region */
    page_size = 4096,
};

/* What a process has seen. Any thread counts, in hook context too. */
typedef struct {
    atomic_ulong sampled; /* regions that were secured and pinned */
    atomic_ulong calls;   /* of the change handler: what it found was ... */
    atomic_ulong before;  /* ... all pages as they were pinned */
    atomic_ulong late;    /* ... some of them changed already */
    atomic_ulong raced;   /* sampled while another thread was changing them: not counted */
    atomic_ulong checks;  /* of regions that nobody was told of */
    atomic_ulong stale;   /* of these, changed */
} watch_counts;

extern watch_counts watch_counted;

/* regions.c: the sample. */
bool watch_regions_start(void); /* loads libPindown.so and subscribes; once in each process */
void watch_regions_sample(uint64_t start, uint64_t end);
void watch_regions_check(void);   /* all of them, once; drops those that have served long enough */
void watch_regions_abandon(void); /* after a fork: nothing of the parent's is ours */

/* frames.c: page frames and pins of this process. */
bool watch_frames_open(void);
void watch_frames_close(void);
bool watch_frames_read(uint64_t start, size_t pages, uint64_t *frames); /* 0: not present */
bool watch_pin(unsigned slot, uint64_t start, size_t pages);
void watch_unpin(unsigned slot);

/* report.c: the file that PINDOWN_WATCH_REPORT names: a line for each process, kept current. */
void watch_report_start(void);
void watch_report_update(void);
void watch_report_stale(uint64_t address, uint64_t pinned, uint64_t now);

#endif
