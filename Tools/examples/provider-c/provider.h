/* A SAN service provider in C over the provider kit of pindown.h.

   Its adapters exist in every process of the machine, at the same addresses; a connection is a Unix
   socket, and RDMA is a message on it, carried out by a thread of the other side. Files:

     nic.c         the adapters: which pages each may reach, and copies in and out of them
     memory.c      WSPRegisterMemory and its like, and the cache callback
     socket.c      sockets, from WSPSocket to WSPCloseSocket
     connect.c     WSPConnect, WSPListen, WSPAccept
     events.c      WSPEventSelect and what it selects
     transfer.c    WSPSend, WSPRecv, WSPRdmaWrite, WSPRdmaRead, and their ends
     transmit.c    the thread of a connection that sends
     receive.c     the one that receives
     handover.c    WSPDuplicateSocket
     startup.c     WSPStartupEx, WSPCleanup, WSPIoctl and the options

   Locks: `provider.lock` (the list of sockets) before a socket's lock. Neither is held in an upcall,
   and the cache callback takes none: it may run inside malloc. */
#ifndef PROVIDER_H
#define PROVIDER_H

#define _GNU_SOURCE
#define WINSOCK_KEEP_HOST_CONSTANTS
#include <pindown.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <ws2san.h>

#include "mutants.h"
#include "wire.h"

enum {
    NICS = 2,
    PREFIX_LENGTH = 24,
    REGISTRATIONS_PER_NIC = 4096,
    MAX_BUFFERS = 8,          /* elements of one request */
    QUEUE_DEPTH = 64,         /* requests of each direction that may be pending on a socket */
    MAX_BACKLOG = 64,
    RDMA_THRESHOLD = 16 << 10
};

/* nic.c */

struct nic_entry {
    /* generation: bits 32-63, open: bit 31, in use: bit 30; transfers inside: bits 0-29 */
    _Atomic uint64_t word;
    uintptr_t start, end;
    pindown_pages pages;
};
struct nic {
    uint32_t adapter; /* its published number */
    uint32_t address; /* first byte in the highest bits */
    uint32_t connections; /* under provider.lock */
    struct nic_entry entries[REGISTRATIONS_PER_NIC];
};
extern struct nic nics[NICS];

uint32_t nic_attach(void *, uint32_t adapter, uintptr_t start, uintptr_t end, uint64_t pin,
                    uint64_t segment);
bool nic_detach(void *, uint32_t adapter, uint32_t key, uint64_t deadline);
/* A transfer begins to use a registration, and ends to. NULL: it is closed. */
struct nic_entry *nic_enter(int nic, uint32_t key);
void nic_leave(struct nic_entry *entry);
void nic_close(struct nic_entry *entry); /* nothing can enter it any more */
bool nic_is_open_in(struct nic_entry *entry, uintptr_t start, uintptr_t end);
int nic_of_address(uint32_t address); /* -1: of none */
int nic_reaching(uint32_t address);
void nic_count(int nic, pindown_nic_counter counter, int64_t amount);

/* memory.c */

/* What one registering call gave; of one socket. */
struct registration {
    struct registration *next;
    HANDLE handle; /* NULL: exposed to the peer */
    struct descriptor descriptor;
    uintptr_t start;
    uint32_t length, access;
    pindown_region region;
    int use; /* its published number */
    unsigned users; /* requests, and RDMA of the peer; under the socket's lock */
};

/* Sockets and requests */

struct piece {
    struct registration *registration;
    uintptr_t address;
    uint32_t length;
};
enum request_kind { SEND, RECEIVE, RDMA_WRITE, RDMA_READ };
struct request {
    struct request *next;
    enum request_kind kind;
    LPWSAOVERLAPPED overlapped;
    uint32_t count, length;
    struct piece pieces[MAX_BUFFERS];
    struct descriptor remote;
    uint32_t offset;
    uint64_t id;
};
struct queue {
    struct request *first, **last;
    unsigned count;
};

/* What the transmitting thread owes the peer: a frame, with memory behind it where one reads. */
struct reply {
    struct reply *next;
    struct frame frame;
    struct registration *source;
    bool hang_up;
};
struct message { /* that arrived before there was a receive for it */
    struct message *next;
    uint32_t length;
    char bytes[];
};
struct caller { /* that waits to be accepted */
    struct caller *next;
    int stream, nic;
    struct hello hello;
    uint32_t pid;
};

struct san_socket {
    struct san_socket *next;    /* under provider.lock, with `references` */
    unsigned references;
    SOCKET descriptor, handle;  /* ours, and the switch's */
    int published;
    pthread_mutex_t lock;       /* for all that follows */
    pthread_cond_t changed;
    pindown_socket_state state;
    int failure;                /* why it is disconnected */
    _Atomic bool debug;         /* SO_DEBUG */
    bool counted;               /* among its adapter's connections */
    int nic;                    /* -1: none, or all */
    uint32_t address, peer_address, peer_pid;
    uint16_t port, peer_port;
    WSAEVENT event;
    int32_t selected, recorded;
    int connect_error;
    int listeners[NICS];        /* -1: none */
    struct caller *callers;
    unsigned waiting_callers, backlog;
    /* the connection */
    int stream, wake;
    pthread_t threads[2];       /* 0 receives, connects or listens; 1 transmits */
    bool running[2];
    _Atomic bool ending;        /* threads end as soon as they can, */
    bool handing_over;          /* these between two frames */
    struct queue sends, answers, receives;
    struct request *transmitting;
    unsigned reads;             /* RDMA reads without an answer: a send waits for them */
    unsigned credits;           /* messages that the peer has room for */
    struct reply *replies, **last_reply;
    unsigned reply_count;
    struct message *messages;
    unsigned message_count;
    struct registration *registrations;
    uint64_t next_id;
};

struct handover;
extern struct provider {
    pthread_mutex_t lock;
    unsigned starts;
    pid_t pid;
    WSPUPCALLTABLEEX upcalls;
    pindown_cache *cache;
    struct san_socket *sockets;
    SOCKET next_descriptor;
    struct handover *handovers;
} provider;

/* Ends a call: stores the error, and returns what says that there is one. */
static inline int fail(LPINT error, int code) {
    if (error != NULL) *error = code;
    return SOCKET_ERROR;
}
static inline int done(LPINT error) {
    if (error != NULL) *error = 0;
    return 0;
}
bool provider_is_started(void);

/* socket.c */
struct san_socket *socket_make(LPINT error);
struct san_socket *socket_find(SOCKET descriptor, LPINT error); /* a reference, or NULL */
void socket_release(struct san_socket *s);
void socket_show(struct san_socket *s); /* with its lock */
int socket_state_error(struct san_socket *s); /* with its lock: 0 where connected */
void socket_count_connection(struct san_socket *s, bool opened);
void socket_stop_threads(struct san_socket *s);
bool socket_close(struct san_socket *s);
void socket_begin_connection(struct san_socket *s, int stream); /* with its lock */
int socket_start_thread(struct san_socket *s, int which, void *(*run)(void *));
SOCKET WSPAPI san_socket(int, int, int, LPWSAPROTOCOL_INFOW, GROUP, DWORD, LPINT);
int WSPAPI san_bind(SOCKET, const struct sockaddr *, int, LPINT);
int WSPAPI san_close(SOCKET, LPINT);

/* memory.c */
struct nic_entry *memory_enter(struct san_socket *s, struct registration *r);
struct registration *memory_find(struct san_socket *s, uint64_t key);
struct registration *memory_containing(struct san_socket *s, uintptr_t start, uint32_t length,
                                       uint32_t access);
struct registration *memory_of_handle(struct san_socket *s, HANDLE handle);
bool memory_allows(const struct descriptor *d, uint32_t access, uint64_t offset, uint64_t length);
void memory_release_all(struct san_socket *s);
HANDLE WSPAPI san_register(SOCKET, PVOID, DWORD, DWORD, LPINT);
int WSPAPI san_deregister(SOCKET, HANDLE, LPINT);
int WSPAPI san_register_rdma(SOCKET, PVOID, DWORD, DWORD, LPVOID, LPDWORD, LPINT);
int WSPAPI san_deregister_rdma(SOCKET, LPVOID, DWORD, LPINT);
int WSPAPI san_cache_callback(LPVOID, SIZE_T, LPINT);

/* connect.c */
void listener_close(struct san_socket *s);
int WSPAPI san_connect(SOCKET, const struct sockaddr *, int, LPWSABUF, LPWSABUF, LPQOS, LPQOS,
                       LPINT);
int WSPAPI san_listen(SOCKET, int, LPINT);
SOCKET WSPAPI san_accept(SOCKET, struct sockaddr *, LPINT, LPCONDITIONPROC, DWORD_PTR, LPINT);
int listener_open(uint32_t address, uint16_t port);

/* events.c */
void event_record(struct san_socket *s, int32_t event);
int WSPAPI san_event_select(SOCKET, WSAEVENT, LONG, LPINT);
int WSPAPI san_enum_events(SOCKET, WSAEVENT, LPWSANETWORKEVENTS, LPINT);

/* transfer.c */
void queue_init(struct queue *q);
void queue_add(struct queue *q, struct request *r);
void queue_add_first(struct queue *q, struct request *r);
struct request *queue_take(struct queue *q);
struct request *queue_take_id(struct queue *q, uint64_t id);
void request_complete(struct san_socket *s, struct request *r, int error, uint32_t length);
void requests_abort(struct san_socket *s, int error); /* all that are pending */
void connection_break(struct san_socket *s, int failure);
/* Lets a request's memory be used; false: some of it is not what was registered any more. */
bool request_enter(struct san_socket *s, struct request *r, struct nic_entry **entries);
void request_leave(struct request *r, struct nic_entry **entries);
/* Copies between `bytes` and the request's memory from byte `offset` of it. */
int request_copy(struct request *r, struct nic_entry **entries, uint32_t offset, char *bytes,
                 uint32_t length, bool out);
int WSPAPI san_send(SOCKET, LPWSABUF, DWORD, LPDWORD, DWORD, LPWSAOVERLAPPED,
                    LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT);
int WSPAPI san_receive(SOCKET, LPWSABUF, DWORD, LPDWORD, LPDWORD, LPWSAOVERLAPPED,
                       LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT);
int WSPAPI san_rdma_write(SOCKET, LPWSABUFEX, DWORD, LPVOID, DWORD, DWORD, LPDWORD, DWORD,
                          LPWSAOVERLAPPED, LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID,
                          LPINT);
int WSPAPI san_rdma_read(SOCKET, LPWSABUFEX, DWORD, LPVOID, DWORD, DWORD, LPDWORD, DWORD,
                         LPWSAOVERLAPPED, LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID,
                         LPINT);
BOOL WSPAPI san_overlapped_result(SOCKET, LPWSAOVERLAPPED, LPDWORD, BOOL, LPDWORD, LPINT);

/* transmit.c, receive.c */
void *transmit(void *s);
void *receive(void *s);
bool send_all(int stream, const void *bytes, size_t length);
bool receive_all(int stream, void *bytes, size_t length);
void reply_add(struct san_socket *s, struct frame frame, struct registration *source,
               bool hang_up);
void wake_receiver(struct san_socket *s);

/* handover.c */
int handover_take(struct san_socket *s, uint32_t token);
void handovers_end(void);
int WSPAPI san_duplicate(SOCKET, DWORD, LPWSAPROTOCOL_INFOW, LPINT);

/* startup.c */
int WSPAPI san_ioctl(SOCKET, DWORD, LPVOID, DWORD, LPVOID, DWORD, LPDWORD, LPWSAOVERLAPPED,
                     LPWSAOVERLAPPED_COMPLETION_ROUTINE, LPWSATHREADID, LPINT);
int WSPAPI san_get_option(SOCKET, int, int, char *, LPINT, LPINT);
int WSPAPI san_set_option(SOCKET, int, int, const char *, int, LPINT);

#endif
