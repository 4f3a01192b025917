/* The sample: regions that are secured at libPindown.so and pinned.

   A region's word says whose it is; its other members are written by the watcher's thread alone,
   while it is `region_setting`.

     free -> setting -> live -> ending -> free
                 \-> cancelled -> free

   The change handler takes a live region by `ending`, looks at its frames, and unpins it; one that
   is just being set it only cancels. The watcher's thread takes regions out the same way. */
#include "watch.h"

#include <dlfcn.h>
#include <pindown.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { region_free, region_setting, region_cancelled, region_live, region_ending };

typedef struct {
    _Atomic(uint64_t) word; /* state in the lowest byte; the rest counts its changes of owner */
    uint64_t start, end;
    uint64_t secured; /* its name at the tracker */
    uint64_t since;   /* nanoseconds: when its frames were noted */
    uint64_t frames[pages_limit];
} region;

static region regions[region_limit];
watch_counts watch_counted;

static struct {
    int (*watch)(const char *monitors);
    int (*subscribe)(pindown_change_handler handler, void *context);
    uint64_t (*secure)(const void *buffer, size_t length, uint32_t access);
    void (*unsecure)(uint64_t region);
} tracker;

/* Until then another thread may have been inside a call that changes the region, which began before
   the region was secured. */
static const uint64_t settling_nanoseconds = 200000000;
/* Then another part of the memory has its turn. */
static const uint64_t service_nanoseconds = 1500000000;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static unsigned state_of(uint64_t word) { return word & 0xff; }

static bool change_state(region *this, uint64_t seen, unsigned state) {
    uint64_t next = ((seen >> 8) + 1) << 8 | state;
    return atomic_compare_exchange_strong(&this->word, &seen, next);
}

static size_t pages_of(const region *this) { return (this->end - this->start) / page_size; }

static bool is_unchanged(const region *this, size_t *page, uint64_t *frame) {
    uint64_t frames[pages_limit];
    if (!watch_frames_read(this->start, pages_of(this), frames)) {
        return true; /* nothing can be said */
    }
    for (size_t index = 0; index < pages_of(this); index++) {
        if (frames[index] != this->frames[index]) {
            *page = index;
            *frame = frames[index];
            return false;
        }
    }
    return true;
}

static void finish(region *this) {
    watch_unpin((unsigned)(this - regions));
    tracker.unsecure(this->secured);
    atomic_store(&this->word, ((atomic_load(&this->word) >> 8) + 1) << 8 | region_free);
}

/* HOOK CONTEXT. The tracker tells of a region before its mapping changes. */
static void changed(void *context, uintptr_t start, uintptr_t end, uint32_t kind) {
    (void)context;
    (void)kind;
    for (region *this = regions; this < regions + region_limit; this++) {
        uint64_t seen = atomic_load(&this->word), frame;
        size_t page;
        if (state_of(seen) == region_setting && this->start < end && start < this->end) {
            change_state(this, seen, region_cancelled);
        }
        if (state_of(seen) != region_live || this->start >= end || start >= this->end ||
            !change_state(this, seen, region_ending)) {
            continue;
        }
        atomic_fetch_add(&watch_counted.calls, 1);
        if (is_unchanged(this, &page, &frame)) {
            atomic_fetch_add(&watch_counted.before, 1);
        } else if (now() - this->since < settling_nanoseconds) {
            atomic_fetch_add(&watch_counted.raced, 1);
        } else {
            atomic_fetch_add(&watch_counted.late, 1);
        }
        finish(this);
    }
}

/* libPindown.so lies where this library does. */
static void *load_tracker(void) {
    char path[4096];
    Dl_info place;
    if (!dladdr((void *)&watch_regions_start, &place) || !place.dli_fname) {
        return NULL;
    }
    const char *slash = strrchr(place.dli_fname, '/');
    int folder = slash ? (int)(slash - place.dli_fname) : 0;
    snprintf(path, sizeof path, "%.*s/libPindown.so", folder, place.dli_fname);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

bool watch_regions_start(void) {
    if (!tracker.watch) {
        void *library = load_tracker();
        if (!library) {
            return false;
        }
        tracker.subscribe = (int (*)(pindown_change_handler, void *))dlsym(library,
                                                                         "pindown_subscribe");
        tracker.secure = (uint64_t(*)(const void *, size_t, uint32_t))dlsym(library,
                                                                          "pindown_secure");
        tracker.unsecure = (void (*)(uint64_t))dlsym(library, "pindown_unsecure");
        tracker.watch = (int (*)(const char *))dlsym(library, "pindown_watch");
    }
    return tracker.watch && tracker.subscribe && tracker.secure && tracker.unsecure &&
           watch_frames_open() && tracker.subscribe(changed, NULL) >= 0 && tracker.watch(NULL) == 0;
}

static bool overlaps_another(uint64_t start, uint64_t end) {
    for (region *this = regions; this < regions + region_limit; this++) {
        if (state_of(atomic_load(&this->word)) != region_free && this->start < end &&
            start < this->end) {
            return true;
        }
    }
    return false;
}

/* As a registration: secured first, then pinned; then what is pinned is noted. */
static bool set(region *this) {
    size_t pages = pages_of(this);
    uint64_t frames[pages_limit];
    if (!watch_frames_read(this->start, pages, frames)) {
        return false;
    }
    for (size_t page = 0; page < pages; page++) {
        if (frames[page] == 0) { /* a pin would make the page, and so change the program */
            return false;
        }
    }
    this->secured =
        tracker.secure((const void *)this->start, this->end - this->start, PINDOWN_READWRITE);
    if (this->secured == 0) {
        return false;
    }
    bool is_pinned = watch_pin((unsigned)(this - regions), this->start, pages) &&
                     watch_frames_read(this->start, pages, this->frames);
    for (size_t page = 0; is_pinned && page < pages; page++) {
        is_pinned = this->frames[page] != 0;
    }
    this->since = now();
    return is_pinned;
}

void watch_regions_sample(uint64_t start, uint64_t end) {
    region *this = regions;
    while (this < regions + region_limit && state_of(atomic_load(&this->word)) != region_free) {
        this++;
    }
    if (this == regions + region_limit || overlaps_another(start, end)) {
        return;
    }
    this->start = start;
    this->end = end;
    this->secured = 0;
    uint64_t seen = (atomic_load(&this->word) >> 8) << 8 | region_setting;
    atomic_store(&this->word, seen);
    if (set(this) && change_state(this, seen, region_live)) {
        atomic_fetch_add(&watch_counted.sampled, 1);
        return;
    }
    finish(this);
}

void watch_regions_check(void) {
    for (region *this = regions; this < regions + region_limit; this++) {
        uint64_t seen = atomic_load(&this->word), frame;
        size_t page;
        if (state_of(seen) != region_live) {
            continue;
        }
        uint64_t age = now() - this->since;
        bool is_settled = age >= settling_nanoseconds, is_same = is_unchanged(this, &page, &frame);
        /* Who changes it takes the region first, so one that is still live was not told of. */
        if (atomic_load(&this->word) != seen) {
            continue;
        }
        atomic_fetch_add(&watch_counted.checks, is_settled);
        if ((is_same && age < service_nanoseconds) || !change_state(this, seen, region_ending)) {
            continue;
        }
        if (!is_same && is_settled) {
            atomic_fetch_add(&watch_counted.stale, 1);
            watch_report_stale(this->start + page * page_size, this->frames[page], frame);
        } else if (!is_same) {
            atomic_fetch_add(&watch_counted.raced, 1);
        }
        finish(this);
    }
}

void watch_regions_abandon(void) {
    memset(regions, 0, sizeof regions);
    memset(&watch_counted, 0, sizeof watch_counted);
    watch_frames_close();
}
