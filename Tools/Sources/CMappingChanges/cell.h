/* What kinds, routes and the probe share. */
#ifndef CMAPPINGCHANGES_CELL_H
#define CMAPPINGCHANGES_CELL_H

#include "CMappingChanges.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    route_wrapper,
    route_inside,
    route_syscall,
    route_instruction,
    route_code_page,
    route_loader,
    route_thread,
    route_signal,
    route_io_uring,
    route_process,
    route_count,
} CMappingChanges_route_number;

enum {
    by_wrapper = 1 << route_wrapper,
    by_inside = 1 << route_inside,
    by_syscall = 1 << route_syscall,
    by_instruction = 1 << route_instruction,
    by_code_page = 1 << route_code_page,
    by_loader = 1 << route_loader,
    by_thread = 1 << route_thread,
    by_signal = 1 << route_signal,
    by_io_uring = 1 << route_io_uring,
    by_process = 1 << route_process,
    /* A system call without a wrapper in libc; and one that has a wrapper. */
    by_bare_call = by_syscall | by_instruction | by_code_page,
    by_call = by_wrapper | by_bare_call | by_thread | by_signal,
};

enum { page_size = 4096, region_pages = 16, region_limit = 2 };

/* A kind of change, with the routes for which these functions are right. */
typedef struct {
    const char *name;
    uint32_t routes;
    int (*prepare)(void);
    int (*perform)(void);
    int (*put_back)(void); /* in place of mapping anonymous memory into holes; may be NULL */
} CMappingChanges_row;

typedef struct {
    uint8_t *start;
    size_t length;
} CMappingChanges_region;

/* The one cell of this process. What the fields mean beyond their names is up to the kind. */
typedef struct {
    const CMappingChanges_row *row;
    CMappingChanges_route_number route;
    CMappingChanges_region regions[region_limit];
    size_t region_count;
    uint8_t *base;       /* the mapping or block that the regions lie in */
    size_t length;
    uint8_t *other;      /* another mapping that the change needs */
    size_t other_length;
    int descriptor;      /* the file underneath, or another that the change needs */
    uintptr_t place;     /* an address that the change needs */
    void *library;
    pthread_t thread;
    const char *reason;
} CMappingChanges_cell;

extern CMappingChanges_cell CMappingChanges_the;

/* The rows of one subject, ended by a row without a name. */
extern const CMappingChanges_row CMappingChanges_mapping_rows[];
extern const CMappingChanges_row CMappingChanges_advice_rows[];
extern const CMappingChanges_row CMappingChanges_heap_rows[];
extern const CMappingChanges_row CMappingChanges_file_rows[];
extern const CMappingChanges_row CMappingChanges_system_rows[];

/* A system call by the route of the cell: its value or -errno. */
long CMappingChanges_call(long number, long a, long b, long c, long d, long e, long f);

/* Runs the function on the route of the cell, where that is a place (a thread, a handler, another
   process); else here. What routes_prepare returns is 0 or -errno. */
int CMappingChanges_prepare_route(void);
int CMappingChanges_run(int (*function)(void));

/* Buffers; 0 or -errno. They make one region of region_pages in the middle of what they map. */
int CMappingChanges_map_anonymous(void);
int CMappingChanges_map_memfd(void);
void CMappingChanges_set_region(uint8_t *start);

/* Fails with a reason in words. */
int CMappingChanges_refuse(int error, const char *reason);

/* The library with a large data segment: a descriptor, or -errno. */
int CMappingChanges_make_library(size_t data_length);

/* io_uring: makes the one request and waits for it. */
int CMappingChanges_prepare_ring(void);
long CMappingChanges_submit(unsigned operation, int descriptor, uint64_t offset, uint64_t address,
                            uint32_t length, uint32_t flags);

#endif
