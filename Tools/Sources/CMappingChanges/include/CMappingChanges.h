/* Every way in which the mapping under a buffer can change: kinds of change, each by the routes by
   which a program, or its surroundings, can make it; and a probe that writes down when somebody was
   told of it. One cell is one kind by one route. A process performs one cell and ends: nothing here
   is given back.

   Not for several threads at once, but for CMappingChanges_told. */
#ifndef CMAPPINGCHANGES_H
#define CMAPPINGCHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The cells, those of a kind side by side. Combinations that make no sense are not there. */
size_t CMappingChanges_count(void);
const char *CMappingChanges_kind(size_t cell);
const char *CMappingChanges_route(size_t cell);

/* The routes in the order of the table, NULL after the last. */
const char *CMappingChanges_route_name(size_t route);
const char *CMappingChanges_route_summary(size_t route);

/* Makes the buffer that the cell is to change. 0, or -errno where this machine cannot: then
   CMappingChanges_reason may say more. Call it before other threads are made. */
int CMappingChanges_prepare(size_t cell);
const char *CMappingChanges_reason(void);

/* What is to be registered: one range, or several. Page-aligned; valid after prepare. */
size_t CMappingChanges_region_count(void);
void *CMappingChanges_region_start(size_t region);
size_t CMappingChanges_region_length(size_t region);

/* Writes the byte into every byte that may be written. */
void CMappingChanges_fill(uint8_t byte);

/* Makes the change. 0, or -errno where the kernel did not do it. */
int CMappingChanges_perform(void);

/* Maps memory where there is none any more, and lengthens what was truncated, by instructions of
   its own: patched libraries do not see it. 0 or -errno. */
int CMappingChanges_put_back(void);

/* How the regions differ from what they were when the watch began. */
enum {
    CMappingChanges_unmapped = 1, /* a page is not mapped */
    CMappingChanges_denied = 2,   /* a page cannot be read or written any more */
    CMappingChanges_absent = 4,   /* a page that had a frame has none */
    CMappingChanges_replaced = 8, /* a page has another frame */
};

/* Whether the kernel shows page frames to this process. Without them, a page that has a frame
   counts as having the same. */
bool CMappingChanges_sees_frames(void);

/* Writes down the frames of the regions and their protection; from here on
   CMappingChanges_told counts. */
void CMappingChanges_watch(void);

/* The differences by now, as bits. No allocation, no lock. */
uint32_t CMappingChanges_differences(void);

/* Whether every page that can be read still has the byte with which it was filled. Reading makes
   pages present. */
bool CMappingChanges_has_content(uint8_t byte);

/* Where the experiment is. */
typedef enum {
    CMappingChanges_phase_before,
    CMappingChanges_phase_performing,
    CMappingChanges_phase_after,
    CMappingChanges_phase_putting_back,
    CMappingChanges_phase_using,
} CMappingChanges_phase;

void CMappingChanges_enter(CMappingChanges_phase phase);

/* That [start, end) was reported as about to change, by whoever `source` says. Hook context: any
   thread, signal handlers too. The type is that of a subscriber of the page tracker. */
void CMappingChanges_told(void *context, uintptr_t start, uintptr_t end, uint32_t source);

/* The first report of a region. */
typedef struct {
    bool was_told;
    CMappingChanges_phase phase;
    uint32_t differences; /* at that moment */
    uint32_t source;
    uint64_t nanoseconds; /* since the change was begun */
} CMappingChanges_report;

CMappingChanges_report CMappingChanges_report_of(size_t region);

/* Waits until every region was reported, at most so long. */
void CMappingChanges_wait(uint64_t nanoseconds);

/* Loads UCX's memory hooks, which from here on report to CMappingChanges_told. NULL, or what is
   missing. */
const char *CMappingChanges_start_ucx(void);

#endif
