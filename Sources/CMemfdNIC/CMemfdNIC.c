#include "CMemfdNIC.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define RETRY(expression)                                                                          \
    ({                                                                                             \
        long result_;                                                                              \
        do {                                                                                       \
            result_ = (long)(expression);                                                          \
        } while (result_ == -1 && errno == EINTR);                                                 \
        result_ == -1 ? -(long)errno : result_;                                                    \
    })

int CMemfdNIC_socket(void) {
    return (int)RETRY(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/* An abstract name begins with a zero byte and is as long as the address says. */
static socklen_t abstract_address(struct sockaddr_un *address, const char *name, size_t length) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (length > sizeof address->sun_path - 1) {
        abort();
    }
    memcpy(address->sun_path + 1, name, length);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
}

int CMemfdNIC_bind(int socket, const char *name, size_t length) {
    struct sockaddr_un address;
    socklen_t size = abstract_address(&address, name, length);
    return (int)RETRY(bind(socket, (struct sockaddr *)&address, size));
}

int CMemfdNIC_connect(int socket, const char *name, size_t length) {
    struct sockaddr_un address;
    socklen_t size = abstract_address(&address, name, length);
    return (int)RETRY(connect(socket, (struct sockaddr *)&address, size));
}

int CMemfdNIC_listen(int socket, int backlog) { return (int)RETRY(listen(socket, backlog)); }

int CMemfdNIC_accept(int socket) {
    return (int)RETRY(accept4(socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

int CMemfdNIC_peer(int socket, uid_t *user, pid_t *process) {
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    int result = (int)RETRY(getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size));
    if (result == 0) {
        *user = credentials.uid;
        *process = credentials.pid;
    }
    return result;
}

/* Room for the descriptors of a frame, aligned as a control message must be. */
typedef union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(CMemfdNIC_maximum_descriptors * sizeof(int))];
} control_buffer;

ssize_t CMemfdNIC_send(int socket, const void *header, size_t header_length, const void *payload,
                       size_t payload_length, const int *descriptors, int descriptor_count) {
    struct iovec parts[2] = {{(void *)header, header_length}, {(void *)payload, payload_length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = payload_length > 0 ? 2 : 1};
    control_buffer control;
    if (descriptor_count > 0) {
        size_t bytes = (size_t)descriptor_count * sizeof(int);
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(bytes);
        struct cmsghdr *part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(bytes);
        memcpy(CMSG_DATA(part), descriptors, bytes);
    }
    return RETRY(sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* Takes the descriptors out of a received message. */
static void take_descriptors(struct msghdr *message, int *descriptors, int *count) {
    *count = 0;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t held = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < held; index++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(part) + index * sizeof(int), sizeof(int));
            if (*count < CMemfdNIC_maximum_descriptors) {
                descriptors[(*count)++] = descriptor;
            } else {
                close(descriptor);
            }
        }
    }
}

ssize_t CMemfdNIC_receive(int socket, void *header, size_t header_length, void *payload,
                          size_t payload_length, int *descriptors, int *descriptor_count) {
    struct iovec parts[2] = {{header, header_length}, {payload, payload_length}};
    control_buffer control;
    struct msghdr message = {
        .msg_iov = parts,
        .msg_iovlen = 2,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    *descriptor_count = 0;
    long length = RETRY(recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
    if (length < 0) {
        return length;
    }
    take_descriptors(&message, descriptors, descriptor_count);
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        for (int index = 0; index < *descriptor_count; index++) {
            close(descriptors[index]);
        }
        *descriptor_count = 0;
        return -EMSGSIZE;
    }
    return length;
}

void CMemfdNIC_end_sending(int socket) { shutdown(socket, SHUT_WR); }

bool CMemfdNIC_has_peer_ended(int socket) {
    int saved = errno;
    struct pollfd wanted = {.fd = socket, .events = POLLRDHUP};
    bool ended = poll(&wanted, 1, 0) == 1 && (wanted.revents & (POLLRDHUP | POLLHUP | POLLNVAL));
    errno = saved;
    return ended;
}

int CMemfdNIC_pipe(int length, int *read_end, int *write_end) {
    int ends[2];
    int result = (int)RETRY(pipe2(ends, O_NONBLOCK | O_CLOEXEC));
    if (result < 0) {
        return result;
    }
    /* What an unprivileged user may have in all is limited; a smaller pipe only takes more turns. */
    while (length > 4096 && fcntl(ends[1], F_SETPIPE_SZ, length) < 0) {
        length /= 2;
    }
    *read_end = ends[0];
    *write_end = ends[1];
    return 0;
}

bool CMemfdNIC_is_pipe(int descriptor) {
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode);
}

int CMemfdNIC_available(int pipe) {
    int bytes = 0;
    return ioctl(pipe, FIONREAD, &bytes) == 0 ? bytes : -errno;
}

ssize_t CMemfdNIC_splice(int pipe, uintptr_t address, size_t length) {
    struct iovec part = {(void *)address, length};
    return RETRY(vmsplice(pipe, &part, 1, SPLICE_F_NONBLOCK));
}

/* The offset that stands for the current position, which is all that a pipe has. */
enum { current_position = -1 };

ssize_t CMemfdNIC_write(int pipe, uintptr_t address, size_t length) {
    struct iovec part = {(void *)address, length};
    ssize_t moved = RETRY(pwritev2(pipe, &part, 1, current_position, RWF_NOWAIT));
    /* Before Linux 6.4 no pipe knew RWF_NOWAIT; O_NONBLOCK has to do. */
    return moved == -EOPNOTSUPP ? RETRY(pwritev2(pipe, &part, 1, current_position, 0)) : moved;
}

ssize_t CMemfdNIC_read(int pipe, uintptr_t address, size_t length) {
    struct iovec part = {(void *)address, length};
    ssize_t moved = RETRY(preadv2(pipe, &part, 1, current_position, RWF_NOWAIT));
    return moved == -EOPNOTSUPP ? RETRY(preadv2(pipe, &part, 1, current_position, 0)) : moved;
}

typedef ssize_t copy_function(pid_t, const struct iovec *, unsigned long, const struct iovec *,
                              unsigned long, unsigned long);

static int copy(copy_function *function, uintptr_t ours, uintptr_t application, size_t length) {
    while (length > 0) {
        struct iovec local = {(void *)ours, length}, remote = {(void *)application, length};
        long moved = RETRY(function(getpid(), &local, 1, &remote, 1, 0));
        if (moved <= 0) {
            return moved == 0 ? -EFAULT : (int)moved;
        }
        ours += (size_t)moved;
        application += (size_t)moved;
        length -= (size_t)moved;
    }
    return 0;
}

int CMemfdNIC_copy_from(void *ours, uintptr_t application, size_t length) {
    return copy(process_vm_readv, (uintptr_t)ours, application, length);
}

int CMemfdNIC_copy_to(uintptr_t application, const void *ours, size_t length) {
    return copy(process_vm_writev, (uintptr_t)ours, application, length);
}

static int reopen(int descriptor, int flags) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return (int)RETRY(open(path, flags | O_CLOEXEC));
}

int CMemfdNIC_reopen_memory(int descriptor, bool writing) {
    return reopen(descriptor, writing ? O_RDWR : O_RDONLY);
}

int CMemfdNIC_reopen_pipe(int write_end) { return reopen(write_end, O_WRONLY | O_NONBLOCK); }

int64_t CMemfdNIC_sealed_length(int descriptor) {
    int seals = fcntl(descriptor, F_GET_SEALS);
    if (seals < 0) {
        return -errno;
    }
    struct stat status;
    if ((seals & F_SEAL_SHRINK) == 0) {
        return -EPERM;
    }
    return fstat(descriptor, &status) == 0 ? (int64_t)status.st_size : -errno;
}

int CMemfdNIC_event(void) { return (int)RETRY(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

void CMemfdNIC_signal(int event) {
    uint64_t one = 1;
    (void)RETRY(write(event, &one, sizeof one));
}

void CMemfdNIC_clear(int event) {
    uint64_t count;
    (void)RETRY(read(event, &count, sizeof count));
}

void CMemfdNIC_wait(int event, int descriptor, int conditions, int other) {
    /* A negative descriptor is passed over. */
    struct pollfd wanted[3] = {
        {.fd = event, .events = POLLIN},
        {.fd = descriptor,
         .events = (short)((conditions & CMemfdNIC_readable ? POLLIN : 0) |
                           (conditions & CMemfdNIC_writable ? POLLOUT : 0))},
        {.fd = other, .events = POLLIN},
    };
    poll(wanted, 3, -1);
}

bool CMemfdNIC_is_readable(int descriptor) {
    struct pollfd wanted = {.fd = descriptor, .events = POLLIN};
    return poll(&wanted, 1, 0) == 1;
}

int CMemfdNIC_process(pid_t process) {
#ifdef SYS_pidfd_open
    return (int)RETRY(syscall(SYS_pidfd_open, process, 0));
#else
    (void)process;
    return -ENOSYS;
#endif
}

/* Everything but what the thread itself can cause: those must end the process where they happen.
   libc leaves out the signals that it keeps for itself. */
static void engine_signals(sigset_t *set) {
    static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
    sigfillset(set);
    for (size_t index = 0; index < sizeof own / sizeof own[0]; index++) {
        sigdelset(set, own[index]);
    }
}

typedef struct {
    void (*body)(void *);
    void *context;
} thread_start;

static void *run(void *argument) {
    thread_start start = *(thread_start *)argument;
    free(argument);
    start.body(start.context);
    return NULL;
}

int CMemfdNIC_start(pthread_t *thread, const char *name, void (*body)(void *), void *context) {
    thread_start *start = malloc(sizeof *start);
    if (start == NULL) {
        return -ENOMEM;
    }
    *start = (thread_start){body, context};
    sigset_t blocked, old;
    engine_signals(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &old);
    int error = pthread_create(thread, NULL, run, start);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error != 0) {
        free(start);
        return -error;
    }
    pthread_setname_np(*thread, name);
    return 0;
}

uint64_t CMemfdNIC_random(void) {
    uint64_t value = 0;
    while (getrandom(&value, sizeof value, 0) != (ssize_t)sizeof value) {
    }
    return value;
}
