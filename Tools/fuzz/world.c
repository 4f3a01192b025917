#include "world.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

world the;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static SOCKET last_handle = 100;
/* Handles that were made and not closed. */
static long open_handles;

void broken(const char *promise) {
    fprintf(stderr, "broken promise: %s\n", promise);
    abort();
}

/* The upcalls. */

static SOCKET WSPAPI create_handle(DWORD catalog, DWORD_PTR context, LPINT error) {
    (void)catalog;
    (void)context;
    (void)error;
    pthread_mutex_lock(&mutex);
    open_handles++;
    SOCKET handle = ++last_handle;
    pthread_mutex_unlock(&mutex);
    return handle;
}

static int WSPAPI close_handle(SOCKET handle, LPINT error) {
    (void)error;
    pthread_mutex_lock(&mutex);
    if (handle > last_handle || handle <= 100) {
        broken("only handles of the switch are closed");
    }
    open_handles--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    return 0;
}

static int WSPAPI complete(SOCKET handle, LPWSAOVERLAPPED overlapped, DWORD error, DWORD bytes,
                           LPINT number) {
    (void)handle;
    (void)number;
    request *owner = (request *)overlapped;
    pthread_mutex_lock(&mutex);
    if (++owner->upcalls > 1) {
        broken("a request completes once");
    }
    overlapped->InternalHigh = bytes;
    overlapped->Internal = error;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    return 0;
}

static BOOL WSPAPI touch_event(WSAEVENT event, LPINT error) {
    (void)error;
    if (((uintptr_t)event & 3) != 0) {
        broken("events come back as they were given");
    }
    return 1;
}

WSAEVENT an_event(unsigned number) { return (WSAEVENT)(uintptr_t)(4 * (number % 8 + 1)); }

/* The provider. */

static void *extension(GUID name) {
    void *function = NULL;
    DWORD bytes = 0;
    INT error = 0;
    if (the.functions.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &name,
                                 sizeof name, &function, sizeof function, &bytes, NULL, NULL, NULL,
                                 &error) != 0) {
        broken("every extension function is there");
    }
    return function;
}

void start_provider(void) {
    setenv("PINDOWN_NICS", "fuzz0=10.98.0.1/24,fuzz1=10.98.1.1/24", 1);
    WSPUPCALLTABLEEX upcalls;
    memset(&upcalls, 0, sizeof upcalls);
    upcalls.lpWPUCreateSocketHandle = create_handle;
    upcalls.lpWPUCloseSocketHandle = close_handle;
    upcalls.lpWPUCompleteOverlappedRequest = complete;
    upcalls.lpWPUSetEvent = touch_event;
    upcalls.lpWPUResetEvent = touch_event;
    WSPDATA data;
    WSAPROTOCOL_INFOW information;
    memset(&information, 0, sizeof information);
    information.iAddressFamily = AF_INET;
    information.iProtocol = IPPROTO_TCP;
    if (WSPStartupEx(0x0202, &data, &information, &upcalls, &the.functions) != 0) {
        broken("the provider starts");
    }
    the.register_memory = extension((GUID)WSAID_REGISTERMEMORY);
    the.deregister_memory = extension((GUID)WSAID_DEREGISTERMEMORY);
    the.register_rdma_memory = extension((GUID)WSAID_REGISTERRDMAMEMORY);
    the.deregister_rdma_memory = extension((GUID)WSAID_DEREGISTERRDMAMEMORY);
    the.rdma_write = extension((GUID)WSAID_RDMAWRITE);
    the.rdma_read = extension((GUID)WSAID_RDMAREAD);
    the.cache_callback = extension((GUID)WSAID_MEMORYREGISTRATIONCACHECALLBACK);
    the.arena = mmap(NULL, (size_t)arena_pages * page_bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *pages = mmap(NULL, 4 * page_bytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (the.arena == MAP_FAILED || pages == MAP_FAILED) {
        broken("there is memory");
    }
    the.unreadable = pages + page_bytes;
    the.unwritable = pages + 2 * page_bytes;
    mprotect(the.unreadable, page_bytes, PROT_NONE);
    mprotect(the.unwritable, page_bytes, PROT_READ);
    mprotect(pages + 3 * page_bytes, page_bytes, PROT_NONE);
}

/* Requests. */

request *free_request(bool notifies) {
    for (int index = 0; index < request_count; index++) {
        request *each = the.requests[index];
        if (each->has_started) {
            continue;
        }
        memset(each, 0, sizeof *each);
        each->overlapped.hEvent = (HANDLE)(uintptr_t)(notifies ? 4 : 5);
        return each;
    }
    return NULL;
}

static bool is_over(const request *each) {
    if (!each->has_started) {
        return true;
    }
    bool is_polled = ((uintptr_t)each->overlapped.hEvent & 1) != 0;
    uintptr_t status = __atomic_load_n(&each->overlapped.Internal, __ATOMIC_ACQUIRE);
    return is_polled ? status != WSS_OPERATION_IN_PROGRESS : each->upcalls == 1;
}

static bool all_over(void) {
    for (int index = 0; index < request_count; index++) {
        if (!is_over(the.requests[index])) {
            return false;
        }
    }
    return open_handles == 0;
}

static void wait_until_all_over(void) {
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 20;
    pthread_mutex_lock(&mutex);
    while (!all_over()) {
        if (pthread_cond_timedwait(&changed, &mutex, &deadline) != 0 && !all_over()) {
            broken("closing ends every request and every handle");
        }
    }
    pthread_mutex_unlock(&mutex);
}

/* Sockets. */

static SOCKET make_socket(void) {
    INT error = 0;
    SOCKET made = the.functions.lpWSPSocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
                                            WSA_FLAG_OVERLAPPED, &error);
    if (made == INVALID_SOCKET) {
        broken("there is always another socket");
    }
    return made;
}

void keep_socket(unsigned place, SOCKET socket) {
    INT error = 0;
    SOCKET *kept = &the.sockets[place % socket_count];
    if (*kept != INVALID_SOCKET) {
        the.functions.lpWSPCloseSocket(*kept, &error);
    }
    *kept = socket;
}

/* Connects sockets 0 and 1 over the first adapter. */
static void connect_pair(void) {
    static unsigned short port = first_port;
    struct sockaddr_in name = {.sin_family = AF_INET};
    INT error = 0;
    SOCKET listening = make_socket();
    unsigned attempts = 0;
    for (;;) {
        port = port == 40000 ? first_port : port + 1;
        name.sin_port = htons(port);
        name.sin_addr.s_addr = htonl(0x0A620001);
        SOCKET candidate = listening;
        if (the.functions.lpWSPBind(candidate, (struct sockaddr *)&name, sizeof name, &error) == 0 &&
            the.functions.lpWSPListen(candidate, 4, &error) == 0) {
            break;
        }
        if (++attempts == 100) {
            broken("there is a free port");
        }
        the.functions.lpWSPCloseSocket(listening, &error);
        listening = make_socket();
    }
    the.sockets[0] = make_socket();
    the.functions.lpWSPEventSelect(the.sockets[0], an_event(0), FD_CONNECT, &error);
    the.functions.lpWSPConnect(the.sockets[0], (struct sockaddr *)&name, sizeof name, NULL, NULL,
                               NULL, NULL, &error);
    while ((the.sockets[1] = the.functions.lpWSPAccept(listening, NULL, NULL, NULL, 0, &error)) ==
           INVALID_SOCKET) {
        if (error != WSAEWOULDBLOCK) {
            broken("a connection is accepted");
        }
    }
    WSANETWORKEVENTS events = {0};
    while ((events.lNetworkEvents & FD_CONNECT) == 0) {
        the.functions.lpWSPEnumNetworkEvents(the.sockets[0], NULL, &events, &error);
    }
    the.functions.lpWSPCloseSocket(listening, &error);
}

void begin_world(void) {
    for (int index = 0; index < socket_count; index++) {
        the.sockets[index] = INVALID_SOCKET;
    }
    for (int index = 0; index < request_count; index++) {
        /* Of their own, so that a write beside one is seen. */
        the.requests[index] = calloc(1, sizeof(request));
    }
    memset(the.handles, 0, sizeof the.handles);
    memset(the.descriptors, 0, sizeof the.descriptors);
    memset(the.tokens, 0, sizeof the.tokens);
    connect_pair();
}

void end_world(void) {
    for (unsigned place = 0; place < socket_count; place++) {
        keep_socket(place, INVALID_SOCKET);
    }
    wait_until_all_over();
    for (int index = 0; index < request_count; index++) {
        free(the.requests[index]);
    }
}
