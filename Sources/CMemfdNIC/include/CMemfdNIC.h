/* What the adapter needs of Linux that Swift cannot reach: control messages, variadic calls,
   splicing, and threads with a signal mask. Nothing here allocates, except the start of a thread.
   Functions return a count or 0, else -errno; EINTR is retried. */
#ifndef CMEMFDNIC_H
#define CMEMFDNIC_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The most descriptors that a frame, or a message of a handover, carries. */
enum { CMemfdNIC_maximum_descriptors = 6 };

/* A SOCK_SEQPACKET Unix socket, non-blocking, closed on exec. */
int CMemfdNIC_socket(void);

/* Binds it to, connects it to, or listens at an abstract name of `length` bytes. */
int CMemfdNIC_bind(int socket, const char *name, size_t length);
int CMemfdNIC_connect(int socket, const char *name, size_t length);
int CMemfdNIC_listen(int socket, int backlog);
int CMemfdNIC_accept(int socket);

/* Who is at the other end. */
int CMemfdNIC_peer(int socket, uid_t *user, pid_t *process);

/* Sends one frame, a header and a payload, without waiting. */
ssize_t CMemfdNIC_send(int socket, const void *header, size_t header_length, const void *payload,
                       size_t payload_length, const int *descriptors, int descriptor_count);

/* Receives one frame without waiting: its bytes, header and payload together; 0 at the end of the
   stream. -EMSGSIZE where it is longer than there is room, or brings more descriptors than
   CMemfdNIC_maximum_descriptors. The descriptors become the caller's. */
ssize_t CMemfdNIC_receive(int socket, void *header, size_t header_length, void *payload,
                          size_t payload_length, int *descriptors, int *descriptor_count);

/* Says to the peer that nothing more comes; what it has sent can still be read. */
void CMemfdNIC_end_sending(int socket);

/* Whether the peer has said that nothing more comes, or is gone. Safe in hook context. */
bool CMemfdNIC_has_peer_ended(int socket);

/* A pipe, both ends non-blocking, with `length` bytes of room, or fewer where that is refused. */
int CMemfdNIC_pipe(int length, int *read_end, int *write_end);
bool CMemfdNIC_is_pipe(int descriptor);

/* Bytes in the pipe. */
int CMemfdNIC_available(int pipe);

/* Puts the pages at `address` into the pipe by reference, without waiting. */
ssize_t CMemfdNIC_splice(int pipe, uintptr_t address, size_t length);

/* Writes to and reads from a pipe without waiting. The peer has the same open file description and
   may have taken O_NONBLOCK from it, so every call says for itself that it will not wait; pipes
   know how since Linux 6.4. */
ssize_t CMemfdNIC_write(int pipe, uintptr_t address, size_t length);
ssize_t CMemfdNIC_read(int pipe, uintptr_t address, size_t length);

/* Copies between memory of ours and an address of the application, which need not be mapped. */
int CMemfdNIC_copy_from(void *ours, uintptr_t application, size_t length);
int CMemfdNIC_copy_to(uintptr_t application, const void *ours, size_t length);

/* The same memfd through a description of its own, closed on exec: for reading only, or for
   writing, too. */
int CMemfdNIC_reopen_memory(int descriptor, bool writing);

/* The writing end of the same pipe through a description of its own. */
int CMemfdNIC_reopen_pipe(int write_end);

/* The bytes of a memfd that cannot shrink; -EPERM where it could. */
int64_t CMemfdNIC_sealed_length(int descriptor);

/* A counter that a poll can wait for. */
int CMemfdNIC_event(void);
void CMemfdNIC_signal(int event);
void CMemfdNIC_clear(int event);

/* Waits until the event is signalled, `descriptor` (-1: none) is readable or writable, or `other`
   (-1: none) is readable. */
enum { CMemfdNIC_readable = 1, CMemfdNIC_writable = 2 };
void CMemfdNIC_wait(int event, int descriptor, int conditions, int other);
bool CMemfdNIC_is_readable(int descriptor);

/* A descriptor that becomes readable when the process ends. */
int CMemfdNIC_process(pid_t process);

/* A thread in which no signal is handled but those that a fault of its own raises. */
int CMemfdNIC_start(pthread_t *thread, const char *name, void (*body)(void *), void *context);

/* Random bytes of the kernel. */
uint64_t CMemfdNIC_random(void);

#endif
