/* HOOK CONTEXT. Lengths that are not among a call's arguments: SysV segments and huge pages. */
#include "decode.h"

#if defined(__x86_64__)

#include "gateway.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/statfs.h>

enum { page_size = 4096, read_length = 512 };

enum map_field {
    field_start,
    field_end,
    field_access,
    field_offset,
    field_device,
    field_inode,
    field_path
};

/* One line of /proc/self/maps on its way in, byte by byte, so that no line need fit anywhere. */
typedef struct {
    enum map_field field;
    uint64_t start, end, offset;
    uint32_t path_matched; /* bytes of the path that are like a segment's name */
    bool path_differs;
} map_line;

static uint64_t with_digit(uint64_t value, char digit) {
    return value << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static void take_path(map_line *line, char byte) {
    static const char segment_name[] = "/SYSV";
    if (byte == ' ' || line->path_matched == sizeof segment_name - 1) {
        return;
    }
    if (byte == segment_name[line->path_matched]) {
        line->path_matched++;
    } else {
        line->path_differs = true;
    }
}

static void take_byte(map_line *line, char byte) {
    if (line->field != field_path && (byte == ' ' || (byte == '-' && line->field == field_start))) {
        line->field++;
        return;
    }
    switch (line->field) {
    case field_start:
        line->start = with_digit(line->start, byte);
        break;
    case field_end:
        line->end = with_digit(line->end, byte);
        break;
    case field_offset:
        line->offset = with_digit(line->offset, byte);
        break;
    case field_path:
        take_path(line, byte);
        break;
    default:
        break;
    }
}

/* The kernel detaches every piece of the segment that lies where it would lie if the segment began
   at `address`, also behind a hole. */
static bool belongs(const map_line *line, uint64_t address) {
    bool is_segment = line->path_matched == 5 && !line->path_differs;
    return is_segment && line->start >= address && line->start - address == line->offset;
}

uint64_t CSyscallInterception_attachment_end(uint64_t address) {
    long descriptor = CSyscallInterception_call(SYS_openat, AT_FDCWD, (long)"/proc/self/maps",
                                                O_RDONLY | O_CLOEXEC, 0, 0, 0);
    if (descriptor < 0) {
        return UINT64_MAX;
    }
    uint64_t end = 0;
    map_line line = {0};
    char bytes[read_length];
    long count;
    while ((count = CSyscallInterception_call(SYS_read, descriptor, (long)bytes, sizeof bytes, 0, 0,
                                              0)) > 0) {
        for (long index = 0; index < count; index++) {
            if (bytes[index] != '\n') {
                take_byte(&line, bytes[index]);
                continue;
            }
            if (belongs(&line, address)) {
                end = line.end;
            }
            line = (map_line){0};
        }
    }
    CSyscallInterception_call(SYS_close, descriptor, 0, 0, 0, 0, 0);
    return count < 0 ? UINT64_MAX : end;
}

/* IPC_STAT needs the permission to read, as does attaching: if it is refused, so is shmat. */
uint64_t CSyscallInterception_segment_length(uint64_t identifier) {
    struct shmid_ds status;
    long result =
        CSyscallInterception_call(SYS_shmctl, (long)identifier, IPC_STAT, (long)&status, 0, 0, 0);
    return result < 0 ? 0 : (status.shm_segsz + page_size - 1) & ~(uint64_t)(page_size - 1);
}

static uint64_t huge_page_size_of(long descriptor) {
    struct statfs system;
    long result = CSyscallInterception_call(SYS_fstatfs, descriptor, (long)&system, 0, 0, 0, 0);
    return result == 0 && system.f_type == HUGETLBFS_MAGIC ? (uint64_t)system.f_bsize : page_size;
}

/* Which size of huge page one gets who does not say: a file made of them knows. */
static uint64_t default_huge_page_size(void) {
    long descriptor = CSyscallInterception_call(SYS_memfd_create, (long)"",
                                                MFD_HUGETLB | MFD_CLOEXEC, 0, 0, 0, 0);
    if (descriptor < 0) {
        return page_size;
    }
    uint64_t size = huge_page_size_of(descriptor);
    CSyscallInterception_call(SYS_close, descriptor, 0, 0, 0, 0, 0);
    return size;
}

uint64_t CSyscallInterception_mapping_granularity(uint64_t flags, uint64_t descriptor) {
    if (!(flags & MAP_ANONYMOUS)) {
        return huge_page_size_of((int)descriptor);
    }
    if (!(flags & MAP_HUGETLB)) {
        return page_size;
    }
    uint64_t logarithm = (flags >> MAP_HUGE_SHIFT) & MAP_HUGE_MASK;
    return logarithm ? (uint64_t)1 << logarithm : default_huge_page_size();
}

#endif
