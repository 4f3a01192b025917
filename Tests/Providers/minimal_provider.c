/* A provider that does nothing but answer: for the tests of the switch. Macros make it bad in one
   way each:
     NO_START_UP          no WSPStartupEx
     REFUSE=code          WSPStartupEx answers with the code
     VERSION=0xmmMM       the version that it wants
     NO_LISTEN            no WSPListen in its table
     NO_RDMA_WRITE        no WSPRdmaWrite among its extension functions
     NO_CALLBACK          it caches nothing
     CONNECT=code         every WSPConnect fails with the code
     ADDRESSES=a,b,...    addresses of its adapters, as numbers
   The functions whose names begin with minimal_ are for the test to call. */
#include <ws2san.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#ifndef VERSION
#define VERSION 0x0202
#endif
#ifndef ADDRESSES
#define ADDRESSES 0x0A630001
#endif

static WSPUPCALLTABLEEX upcalls;
static _Atomic int starts, calls, inside, answer_code;
static _Atomic uintptr_t last_address, last_size;
static _Atomic int hold;

static int unsupported(LPINT error) {
    *error = WSAEOPNOTSUPP;
    return SOCKET_ERROR;
}

static int callback(LPVOID address, SIZE_T size, LPINT error) {
    inside++;
    last_address = (uintptr_t)address;
    last_size = size;
    calls++;
    while (hold) {
    }
    int code = answer_code;
    inside--;
    if (code == 0) {
        return 0;
    }
    /* -1 stands for a failure without a reason. */
    if (code > 0) {
        *error = code;
    }
    return SOCKET_ERROR;
}

static HANDLE register_memory(SOCKET s, PVOID buffer, DWORD length, DWORD flags, LPINT error) {
    (void)s, (void)length, (void)flags;
    *error = buffer == NULL ? WSAEFAULT : 0;
    return buffer;
}
static int deregister_memory(SOCKET s, HANDLE handle, LPINT error) {
    (void)s, (void)handle;
    *error = 0;
    return 0;
}
static int register_rdma_memory(SOCKET s, PVOID buffer, DWORD length, DWORD flags, LPVOID bytes,
                                LPDWORD room, LPINT error) {
    (void)s, (void)buffer, (void)length, (void)flags;
    if (*room < 24) {
        *room = 24;
        *error = WSAEFAULT;
        return SOCKET_ERROR;
    }
    memset(bytes, 7, 24);
    *room = 24;
    return 0;
}
static int deregister_rdma_memory(SOCKET s, LPVOID bytes, DWORD length, LPINT error) {
    (void)s, (void)bytes;
    *error = WSAEINVAL;
    return length == 24 ? 0 : SOCKET_ERROR;
}
static int rdma(SOCKET s, LPWSABUFEX buffers, DWORD count, LPVOID target, DWORD target_length,
                DWORD offset, LPDWORD done, DWORD flags, LPWSAOVERLAPPED overlapped,
                LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT error) {
    (void)target, (void)target_length, (void)offset, (void)flags, (void)routine, (void)thread;
    (void)done;
    DWORD total = 0;
    for (DWORD i = 0; i < count; i++) {
        total += buffers[i].len;
    }
    INT ignored;
    upcalls.lpWPUCompleteOverlappedRequest(*(SOCKET *)s, overlapped, 0, total, &ignored);
    *error = WSA_IO_PENDING;
    return SOCKET_ERROR;
}

static SOCKET open_socket(int af, int type, int protocol, LPWSAPROTOCOL_INFOW information,
                          GROUP g, DWORD flags, LPINT error) {
    (void)af, (void)type, (void)protocol, (void)information, (void)g, (void)flags;
    SOCKET *s = malloc(sizeof *s);
    *s = upcalls.lpWPUCreateSocketHandle(0, (DWORD_PTR)s, error);
    return (SOCKET)s;
}
static int close_socket(SOCKET s, LPINT error) {
    upcalls.lpWPUCloseSocketHandle(*(SOCKET *)s, error);
    free((void *)s);
    return 0;
}
static int do_bind(SOCKET s, const struct sockaddr *name, int length, LPINT error) {
    (void)s, (void)name, (void)length;
    *error = 0;
    return 0;
}
static _Atomic int connects;
static int do_connect(SOCKET s, const struct sockaddr *name, int length, LPWSABUF caller,
                      LPWSABUF callee, LPQOS send, LPQOS group, LPINT error) {
    connects++;
    (void)s, (void)length, (void)caller, (void)callee, (void)send, (void)group;
#ifdef CONNECT
    *error = CONNECT;
    return SOCKET_ERROR;
#endif
    /* Port 1 refuses; the others accept. */
    if (((const struct sockaddr_in *)name)->sin_port == htons(1)) {
        *error = WSAECONNREFUSED;
        return SOCKET_ERROR;
    }
    return 0;
}
static int do_listen(SOCKET s, int backlog, LPINT error) {
    (void)s, (void)backlog, (void)error;
    return 0;
}
static SOCKET do_accept(SOCKET s, struct sockaddr *name, LPINT length, LPCONDITIONPROC condition,
                        DWORD_PTR data, LPINT error) {
    (void)s, (void)name, (void)length, (void)condition, (void)data;
    *error = WSAEWOULDBLOCK;
    return INVALID_SOCKET;
}
static int event_select(SOCKET s, WSAEVENT event, LONG events, LPINT error) {
    (void)s, (void)event, (void)events, (void)error;
    return 0;
}
static int enumerate(SOCKET s, WSAEVENT event, LPWSANETWORKEVENTS events, LPINT error) {
    (void)s;
    memset(events, 0, sizeof *events);
    upcalls.lpWPUResetEvent(event, error);
    return 0;
}
static int duplicate(SOCKET s, DWORD process, LPWSAPROTOCOL_INFOW information, LPINT error) {
    (void)s, (void)process, (void)information;
    return unsupported(error);
}
static BOOL result_of(SOCKET s, LPWSAOVERLAPPED overlapped, LPDWORD count, BOOL wait,
                      LPDWORD flags, LPINT error) {
    (void)s, (void)overlapped, (void)count, (void)wait, (void)flags;
    unsupported(error);
    return 0;
}
static int get_option(SOCKET s, int level, int name, char *value, LPINT length, LPINT error) {
    (void)s, (void)level, (void)name, (void)value, (void)length;
    *error = WSAENOPROTOOPT;
    return SOCKET_ERROR;
}
static int set_option(SOCKET s, int level, int name, const char *value, int length, LPINT error) {
    (void)s, (void)level, (void)name, (void)value, (void)length;
    *error = WSAENOPROTOOPT;
    return SOCKET_ERROR;
}
static BOOL quality(SOCKET s, LPWSABUF name, LPQOS qos, LPINT error) {
    (void)s, (void)name, (void)qos;
    unsupported(error);
    return 0;
}
static int do_send(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags,
                   LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                   LPWSATHREADID thread, LPINT error) {
    /* Finishes at once: no completion follows. */
    (void)s, (void)count, (void)flags, (void)overlapped, (void)routine, (void)thread, (void)error;
    *sent = buffers[0].len;
    return 0;
}
static WSAOVERLAPPED *received;
static int do_receive(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD done, LPDWORD flags,
                      LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                      LPWSATHREADID thread, LPINT error) {
    /* Never completes, until the test says so. */
    (void)s, (void)buffers, (void)count, (void)done, (void)flags, (void)routine, (void)thread;
    received = overlapped;
    *error = WSA_IO_PENDING;
    return SOCKET_ERROR;
}
static int do_cleanup(LPINT error) {
    *error = 0;
    starts--;
    return 0;
}

static int give(const void *answer, DWORD length, LPVOID out, DWORD room, LPDWORD used,
                LPINT error) {
    *used = length;
    if (room < length) {
        *error = WSAEFAULT;
        return SOCKET_ERROR;
    }
    memcpy(out, answer, length);
    return 0;
}

static int extension(const GUID *guid, LPVOID out, DWORD room, LPDWORD used, LPINT error) {
    static const struct {
        GUID guid;
        void *function;
    } all[] = {
        {WSAID_REGISTERMEMORY, (void *)register_memory},
        {WSAID_DEREGISTERMEMORY, (void *)deregister_memory},
        {WSAID_REGISTERRDMAMEMORY, (void *)register_rdma_memory},
        {WSAID_DEREGISTERRDMAMEMORY, (void *)deregister_rdma_memory},
#ifndef NO_RDMA_WRITE
        {WSAID_RDMAWRITE, (void *)rdma},
#endif
#ifndef NO_CALLBACK
        {WSAID_MEMORYREGISTRATIONCACHECALLBACK, (void *)callback},
#endif
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (memcmp(&all[i].guid, guid, sizeof *guid) == 0) {
            return give(&all[i].function, sizeof(void *), out, room, used, error);
        }
    }
    return unsupported(error);
}

static int addresses(char *out, DWORD room, LPDWORD used, LPINT error) {
    static const uint32_t all[] = {ADDRESSES};
    DWORD count = sizeof all / sizeof *all;
    size_t header = offsetof(SOCKET_ADDRESS_LIST, Address);
    *used = (DWORD)(header + count * (sizeof(SOCKET_ADDRESS) + sizeof(struct sockaddr_in)));
    if (room < *used) {
        *error = WSAEFAULT;
        return SOCKET_ERROR;
    }
    SOCKET_ADDRESS_LIST *list = (SOCKET_ADDRESS_LIST *)out;
    struct sockaddr_in *names =
        (struct sockaddr_in *)(out + header + count * sizeof(SOCKET_ADDRESS));
    list->iAddressCount = (INT)count;
    for (DWORD i = 0; i < count; i++) {
        names[i] = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_addr = {.s_addr = htonl(all[i])}};
        list->Address[i] = (SOCKET_ADDRESS){(struct sockaddr *)&names[i], sizeof names[i]};
    }
    return 0;
}

static int control(SOCKET s, DWORD code, LPVOID in, DWORD in_length, LPVOID out, DWORD room,
                   LPDWORD used, LPWSAOVERLAPPED overlapped,
                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                   LPINT error) {
    (void)s, (void)in_length, (void)overlapped, (void)routine, (void)thread;
    switch (code) {
    case SIO_GET_EXTENSION_FUNCTION_POINTER:
        return extension(in, out, room, used, error);
    case SIO_ADDRESS_LIST_QUERY:
        return addresses(out, room, used, error);
    default:
        return unsupported(error);
    }
}

#ifndef NO_START_UP
int WSPStartupEx(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW information,
                 LPWSPUPCALLTABLEEX table, LPWSPPROC_TABLE procedures) {
#ifdef REFUSE
    (void)version, (void)information, (void)table, (void)procedures;
    memcpy(data->szDescription, u"busy", sizeof u"busy");
    return REFUSE;
#else
    if (version != 0x0202 || information->iProtocol != IPPROTO_TCP) {
        return WSAVERNOTSUPPORTED;
    }
    starts++;
    upcalls = *table;
    memset(data, 0, sizeof *data);
    data->wVersion = VERSION;
    data->wHighVersion = 0x0202;
    data->szDescription[0] = 'M';
    *procedures = (WSPPROC_TABLE){
        .lpWSPAccept = do_accept,
        .lpWSPBind = do_bind,
        .lpWSPCleanup = do_cleanup,
        .lpWSPCloseSocket = close_socket,
        .lpWSPConnect = do_connect,
        .lpWSPDuplicateSocket = duplicate,
        .lpWSPEnumNetworkEvents = enumerate,
        .lpWSPEventSelect = event_select,
        .lpWSPGetOverlappedResult = result_of,
        .lpWSPGetQOSByName = quality,
        .lpWSPGetSockOpt = get_option,
        .lpWSPIoctl = control,
#ifndef NO_LISTEN
        .lpWSPListen = do_listen,
#endif
        .lpWSPRecv = do_receive,
        .lpWSPSend = do_send,
        .lpWSPSetSockOpt = set_option,
        .lpWSPSocket = open_socket,
    };
    return 0;
#endif
}
#endif

WSPUPCALLTABLEEX *minimal_upcalls(void) { return &upcalls; }
int minimal_starts(void) { return starts; }
int minimal_calls(void) { return calls; }
int minimal_inside(void) { return inside; }
int minimal_connects(void) { return connects; }
uintptr_t minimal_last_address(void) { return last_address; }
uintptr_t minimal_last_size(void) { return last_size; }
void minimal_answer(int code) { answer_code = code; }
void minimal_hold(int held) { hold = held; }
int minimal_complete(SOCKET s, DWORD status, DWORD count) {
    INT error;
    return upcalls.lpWPUCompleteOverlappedRequest(s, received, status, count, &error);
}
