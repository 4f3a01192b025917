/* Looks at the regions, and writes down when somebody was told of a change.

   HOOK CONTEXT: CMappingChanges_told and what it calls. No allocation, no lock. */
#include "cell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { readable = 1, writable = 2, page_limit = 64 };

static CMappingChanges_cell *const the = &CMappingChanges_the;

static struct {
    uint64_t frames[region_limit][page_limit]; /* pagemap's words: 0 where no page is present */
    uint8_t access[region_limit][page_limit];
} initial;

static struct {
    _Atomic(bool) was_told;
    _Atomic(bool) is_complete;
    CMappingChanges_report report;
} reports[region_limit];

static _Atomic(CMappingChanges_phase) phase;
static _Atomic(bool) is_watching;
static _Atomic(uint64_t) begun;
static bool shows_frames = true;
static int pagemap = -1, maps = -1;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void read_frames(CMappingChanges_region region, uint64_t *frames) {
    const uint64_t present = (uint64_t)1 << 63, number = ((uint64_t)1 << 55) - 1;
    size_t pages = region.length / page_size;
    memset(frames, 0, pages * sizeof *frames);
    off_t offset = (off_t)((uintptr_t)region.start / page_size * sizeof *frames);
    if (pread(pagemap, frames, pages * sizeof *frames, offset) < 0) {
        return;
    }
    for (size_t page = 0; page < pages; page++) {
        /* Without frames a page that is present counts as having the frame 1. */
        uint64_t frame = shows_frames ? frames[page] & number : 1;
        frames[page] = frames[page] & present ? frame : 0;
    }
}

/* One line of /proc/self/maps: start-end and what may be done there. */
typedef struct {
    uintptr_t start, end;
    uint8_t access;
    int field, column;
} line;

static void take_byte(line *line, char byte) {
    if (line->field < 2) {
        uintptr_t *value = line->field == 0 ? &line->start : &line->end;
        if (byte == '-' || byte == ' ') {
            line->field++;
        } else {
            *value = *value * 16 + (uintptr_t)(byte <= '9' ? byte - '0' : byte - 'a' + 10);
        }
    } else if (line->field == 2) {
        line->access |= byte == 'r' ? readable : byte == 'w' ? writable : 0;
        line->field += ++line->column == 4;
    }
}

static const uint8_t is_mapped = 4;

static void enter_line(CMappingChanges_region region, const line *line, uint8_t *access) {
    for (size_t page = 0; page < region.length / page_size; page++) {
        uintptr_t address = (uintptr_t)region.start + page * page_size;
        if (line->start <= address && address < line->end) {
            access[page] = line->access | is_mapped;
        }
    }
}

static void read_access(CMappingChanges_region region, uint8_t *access) {
    char text[2048];
    line current = {0};
    memset(access, 0, region.length / page_size);
    lseek(maps, 0, SEEK_SET);
    while (true) {
        ssize_t length = read(maps, text, sizeof text);
        if (length < 0 && errno == EINTR) {
            continue;
        }
        if (length <= 0) {
            return;
        }
        for (ssize_t index = 0; index < length; index++) {
            if (text[index] != '\n') {
                take_byte(&current, text[index]);
                continue;
            }
            enter_line(region, &current, access);
            current = (line){0};
        }
    }
}

static uint32_t differences_of(size_t index) {
    CMappingChanges_region region = the->regions[index];
    uint64_t frames[page_limit];
    uint8_t access[page_limit];
    uint32_t differences = 0;
    read_frames(region, frames);
    read_access(region, access);
    for (size_t page = 0; page < region.length / page_size; page++) {
        uint64_t old = initial.frames[index][page];
        if (!access[page]) {
            differences |= CMappingChanges_unmapped;
        } else if (initial.access[index][page] & ~access[page]) {
            differences |= CMappingChanges_denied;
        }
        if (old && access[page] && !frames[page]) {
            differences |= CMappingChanges_absent;
        }
        if (old && frames[page] && frames[page] != old) {
            differences |= CMappingChanges_replaced;
        }
    }
    return differences;
}

uint32_t CMappingChanges_differences(void) {
    uint32_t differences = 0;
    for (size_t index = 0; index < the->region_count; index++) {
        differences |= differences_of(index);
    }
    return differences;
}

bool CMappingChanges_sees_frames(void) {
    if (pagemap < 0) {
        pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    }
    /* Without the privilege every frame reads as 0: that of this stack, too. */
    uint64_t frame;
    uint8_t *page = (uint8_t *)((uintptr_t)&frame & ~(uintptr_t)(page_size - 1));
    shows_frames = true;
    read_frames((CMappingChanges_region){page, page_size}, &frame);
    shows_frames = frame != 0;
    return shows_frames;
}

void CMappingChanges_watch(void) {
    CMappingChanges_sees_frames();
    maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    for (size_t index = 0; index < the->region_count; index++) {
        read_frames(the->regions[index], initial.frames[index]);
        read_access(the->regions[index], initial.access[index]);
    }
    atomic_store(&is_watching, true);
}

bool CMappingChanges_has_content(uint8_t byte) {
    for (size_t index = 0; index < the->region_count; index++) {
        CMappingChanges_region region = the->regions[index];
        uint8_t access[page_limit];
        read_access(region, access);
        for (size_t page = 0; page < region.length / page_size; page++) {
            /* Not the first byte of the page: that is the one that kinds of change write. */
            if ((access[page] & readable) &&
                region.start[page * page_size + page_size / 2] != byte) {
                return false;
            }
        }
    }
    return true;
}

void CMappingChanges_fill(uint8_t byte) {
    for (size_t index = 0; index < the->region_count; index++) {
        CMappingChanges_region region = the->regions[index];
        uint8_t access[page_limit];
        if (maps < 0) {
            memset(region.start, byte, region.length);
            continue;
        }
        read_access(region, access);
        for (size_t page = 0; page < region.length / page_size; page++) {
            if (access[page] & writable) {
                memset(region.start + page * page_size, byte, page_size);
            }
        }
    }
}

void CMappingChanges_enter(CMappingChanges_phase next) {
    if (next == CMappingChanges_phase_performing) {
        atomic_store(&begun, now());
    }
    atomic_store(&phase, next);
}

void CMappingChanges_told(void *context, uintptr_t start, uintptr_t end, uint32_t source) {
    (void)context;
    CMappingChanges_phase current = atomic_load(&phase);
    if (!atomic_load(&is_watching) || current == CMappingChanges_phase_before) {
        return;
    }
    int saved = errno;
    for (size_t index = 0; index < the->region_count; index++) {
        CMappingChanges_region region = the->regions[index];
        uintptr_t first = (uintptr_t)region.start;
        if (end <= first || start >= first + region.length ||
            atomic_exchange(&reports[index].was_told, true)) {
            continue;
        }
        uint64_t time = now() - atomic_load(&begun);
        reports[index].report = (CMappingChanges_report){
            .was_told = true,
            .phase = current,
            .differences = differences_of(index),
            .source = source,
            .nanoseconds = time,
        };
        atomic_store(&reports[index].is_complete, true);
    }
    errno = saved;
}

CMappingChanges_report CMappingChanges_report_of(size_t region) {
    if (!atomic_load(&reports[region].is_complete)) {
        return (CMappingChanges_report){0};
    }
    return reports[region].report;
}

static bool all_told(void) {
    for (size_t index = 0; index < the->region_count; index++) {
        if (!atomic_load(&reports[index].is_complete)) {
            return false;
        }
    }
    return true;
}

void CMappingChanges_wait(uint64_t nanoseconds) {
    const struct timespec pause = {.tv_nsec = 200000};
    uint64_t end = now() + nanoseconds;
    while (!all_told() && now() < end) {
        nanosleep(&pause, NULL);
    }
}
