/* Memory whose address somebody else chose. The kernel copies it, so that an address where nothing
   is, or where the access is not allowed, is an answer and not a signal. */
#include "CLinuxMemory.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

typedef ssize_t copy_function(pid_t, const struct iovec *, unsigned long, const struct iovec *,
                              unsigned long, unsigned long);

/* How many of the pieces are whole when `moved` bytes have been copied. */
static int whole_pieces(const struct iovec *pieces, int count, size_t moved) {
    int whole = 0;
    while (whole < count && pieces[whole].iov_len <= moved) {
        moved -= pieces[whole++].iov_len;
    }
    return whole;
}

/* A piece that is not there has no bytes, and memcpy wants an address all the same. */
static void copy(void *target, const void *source, size_t length) {
    if (length > 0) {
        memcpy(target, source, length);
    }
}

/* The kernel does not ask AddressSanitizer; so under it, what could be copied is copied again. */
static void copy_checked(void *target, const void *source, size_t length) {
#if __has_feature(address_sanitizer)
    copy(target, source, length);
#else
    (void)target;
    (void)source;
    (void)length;
#endif
}

static bool is_forbidden(int error) { return error == EPERM || error == ENOSYS; }

int CLinuxMemory_copy_from_caller(const CLinuxMemory_piece *pieces, int count) {
    struct iovec ours[CLinuxMemory_maximum_pieces], theirs[CLinuxMemory_maximum_pieces];
    for (int index = 0; index < count; index++) {
        ours[index] = (struct iovec){pieces[index].ours, pieces[index].length};
        theirs[index] = (struct iovec){pieces[index].theirs, pieces[index].length};
    }
    int saved = errno;
    ssize_t moved = process_vm_readv(CLinuxMemory_thread_id(), ours, (unsigned long)count, theirs,
                                     (unsigned long)count, 0);
    int error = moved < 0 ? errno : 0;
    errno = saved;
    if (is_forbidden(error)) {
        for (int index = 0; index < count; index++) {
            copy(ours[index].iov_base, theirs[index].iov_base, ours[index].iov_len);
        }
        return count;
    }
    int whole = whole_pieces(theirs, count, moved < 0 ? 0 : (size_t)moved);
    for (int index = 0; index < whole; index++) {
        copy_checked(ours[index].iov_base, theirs[index].iov_base, ours[index].iov_len);
    }
    return whole;
}

bool CLinuxMemory_copy_to_caller(void *theirs, const void *ours, size_t length) {
    struct iovec source = {(void *)ours, length}, target = {theirs, length};
    int saved = errno;
    ssize_t moved = process_vm_writev(CLinuxMemory_thread_id(), &source, 1, &target, 1, 0);
    int error = moved < 0 ? errno : 0;
    errno = saved;
    if (is_forbidden(error)) {
        copy(theirs, ours, length);
        return true;
    }
    if (moved < 0 || (size_t)moved < length) {
        return false;
    }
    copy_checked(theirs, ours, length);
    return true;
}
