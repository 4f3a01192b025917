/* Filter and handler. They run in hook context: fixed memory, atomics, no allocation. */
#include "CInterceptionRecorder.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <unwind.h>

enum { entry_limit = 256 };

static CInterceptionRecorder_entry entries[entry_limit];
static _Atomic(size_t) entry_count, question_count;
static _Atomic(uint64_t) watched_start, watched_end;
static _Atomic(uint32_t) running;
static void *_Atomic unmap_start;
static size_t unmap_length;
static _Atomic(bool) unwinds;

void CInterceptionRecorder_watch(uint64_t start, uint64_t end) {
    watched_end = 0;
    entry_count = 0;
    question_count = 0;
    watched_start = start;
    watched_end = end;
}

bool CInterceptionRecorder_filter(uint64_t start, uint64_t end) {
    question_count++;
    return start < watched_end && end > watched_start;
}

static int32_t byte_at(uint64_t address) {
    unsigned char byte;
    struct iovec local = {&byte, 1}, remote = {(void *)address, 1};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1 ? byte : -1;
}

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *count) {
    (void)context;
    ++*(uint32_t *)count;
    return _URC_NO_REASON;
}

void CInterceptionRecorder_handler(const CSyscallInterception_change *change) {
    uint32_t depth = running++;
    void *inner = atomic_exchange(&unmap_start, NULL);
    if (inner) {
        munmap(inner, unmap_length);
    }
    size_t index = entry_count++;
    if (index < entry_limit) {
        CInterceptionRecorder_entry *entry = &entries[index];
        *entry = (CInterceptionRecorder_entry){*change, byte_at(change->start),
                                               (int32_t)syscall(SYS_gettid), depth, 0};
        if (unwinds) {
            _Unwind_Backtrace(count_frame, &entry->frames);
        }
    }
    errno = EDOM; /* the caller must not see it */
    running--;
}

size_t CInterceptionRecorder_count(void) { return entry_count; }
size_t CInterceptionRecorder_questions(void) { return question_count; }

CInterceptionRecorder_entry CInterceptionRecorder_entry_at(size_t index) { return entries[index]; }

void CInterceptionRecorder_unmap_in_handler(void *start, size_t length) {
    unmap_length = length;
    unmap_start = start;
}

void CInterceptionRecorder_unwind_in_handler(bool wanted) {
    uint32_t frames = 0;
    _Unwind_Backtrace(count_frame, &frames); /* the first use loads things */
    unwinds = wanted;
}
