/* What the calls of one input work on: the provider, its sockets, what they were given, and the
   part of the switch that the provider calls. */
#ifndef WORLD_H
#define WORLD_H

#include <pthread.h>
#include <stdbool.h>
#include <ws2san.h>

enum {
    socket_count = 8,
    handle_count = 16,
    descriptor_count = 8,
    descriptor_bytes = 32,
    request_count = 24,
    arena_pages = 64,
    page_bytes = 4096,
    first_port = 21000
};

typedef struct {
    WSAOVERLAPPED overlapped;
    /* The call answered WSA_IO_PENDING. */
    bool has_started;
    /* Upcalls that named it. */
    int upcalls;
} request;

typedef struct {
    WSPPROC_TABLE functions;
    LPFN_WSPREGISTERMEMORY register_memory;
    LPFN_WSPDEREGISTERMEMORY deregister_memory;
    LPFN_WSPREGISTERRDMAMEMORY register_rdma_memory;
    LPFN_WSPDEREGISTERRDMAMEMORY deregister_rdma_memory;
    LPFN_WSPRDMAWRITE rdma_write;
    LPFN_WSPRDMAREAD rdma_read;
    LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK cache_callback;
    SOCKET sockets[socket_count];
    HANDLE handles[handle_count];
    unsigned char descriptors[descriptor_count][descriptor_bytes];
    DWORD tokens[4];
    request *requests[request_count];
    unsigned char *arena;
    /* A page that cannot be used, behind one that can, and a page that can be read only. */
    unsigned char *unreadable;
    unsigned char *unwritable;
} world;

extern world the;

/* Starts the provider; once. */
void start_provider(void);

/* Fresh sockets, of which two are connected; and their end: everything is closed, and every
   promise about requests and handles has been kept, or the process aborts. */
void begin_world(void);
void end_world(void);

/* Puts a socket into its place; closes the one that was there. */
void keep_socket(unsigned place, SOCKET socket);

/* A request that is not under way, or NULL. */
request *free_request(bool notifies);

/* An event object; only the upcalls know what it is. */
WSAEVENT an_event(unsigned number);

/* Prints why, and aborts. */
void broken(const char *promise);

#endif
