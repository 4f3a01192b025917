/* One input is a list of calls of the provider's function table, with arguments that are right,
   nearly right, or anything. */
#include "arguments.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void call_socket(input *in) {
    WSAPROTOCOL_INFOW *information = NULL;
    uint8_t kind = next_byte(in);
    if (kind & 1) {
        information = calloc(1, sizeof *information);
        information->dwProviderReserved =
            kind & 2 ? the.tokens[(kind >> 2) & 3] : (DWORD)next_number(in, 4);
    }
    bool is_right = kind < 0xC0;
    SOCKET made = the.functions.lpWSPSocket(
        is_right ? AF_INET : (int)next_number(in, 2), is_right ? SOCK_STREAM : next_byte(in),
        is_right ? IPPROTO_TCP : next_byte(in), a_pointer(in, information), is_right ? 0 : next_byte(in),
        WSA_FLAG_OVERLAPPED, an_error(in));
    free(information);
    if (made != INVALID_SOCKET) {
        keep_socket(2 + next_byte(in) % (socket_count - 2), made);
    }
}

static void call_close(input *in) {
    SOCKET socket = a_socket(in);
    if (the.functions.lpWSPCloseSocket(socket, an_error(in)) == 0) {
        for (int index = 0; index < socket_count; index++) {
            if (the.sockets[index] == socket) {
                the.sockets[index] = INVALID_SOCKET;
            }
        }
    }
}

static void call_bind(input *in) {
    struct sockaddr_in name;
    make_address(in, &name);
    uint8_t kind = next_byte(in);
    int length = kind < 0xE0 ? (int)sizeof name : (int8_t)next_byte(in) % 17;
    the.functions.lpWSPBind(a_socket(in), kind == 0xFF ? NULL : a_pointer(in, &name), length,
                            an_error(in));
}

static void call_listen(input *in) {
    SOCKET socket = a_socket(in);
    the.functions.lpWSPEventSelect(socket, an_event(1), FD_ACCEPT, an_error(in));
    the.functions.lpWSPListen(socket, (int)next_number(in, 4), an_error(in));
}

static void call_connect(input *in) {
    SOCKET socket = a_socket(in);
    struct sockaddr_in name;
    make_address(in, &name);
    INT error = 0;
    /* Without it the call waits, as it should, for somebody who accepts. */
    if (the.functions.lpWSPEventSelect(socket, an_event(2), FD_CONNECT, &error) != 0) {
        return;
    }
    uint8_t kind = next_byte(in);
    int length = kind < 0xE0 ? (int)sizeof name : (int8_t)next_byte(in) % 17;
    the.functions.lpWSPConnect(socket, kind == 0xFF ? NULL : a_pointer(in, &name), length, NULL,
                               NULL, NULL, NULL, an_error(in));
}

static int CALLBACK decide(LPWSABUF caller, LPWSABUF caller_data, LPQOS qos, LPQOS group_qos,
                           LPWSABUF callee, LPWSABUF callee_data, GROUP *group, DWORD_PTR context) {
    (void)caller_data;
    (void)qos;
    (void)group_qos;
    (void)callee_data;
    (void)group;
    if (caller->len != sizeof(struct sockaddr_in) || callee->len != sizeof(struct sockaddr_in)) {
        broken("a condition function is told both addresses");
    }
    return (int)context;
}

static void call_accept(input *in) {
    SOCKET socket = a_socket(in);
    uint8_t kind = next_byte(in);
    INT length = kind & 1 ? next_byte(in) % 40 - 4 : (INT)sizeof(struct sockaddr_in);
    struct sockaddr *address = calloc(1, length > 0 ? (size_t)length : 1);
    SOCKET accepted = the.functions.lpWSPAccept(
        socket, kind & 2 ? NULL : a_pointer(in, address), kind & 4 ? NULL : a_pointer(in, &length),
        kind & 8 ? NULL : decide, (DWORD_PTR)(next_byte(in) & 3), an_error(in));
    free(address);
    if (accepted != INVALID_SOCKET) {
        keep_socket(2 + next_byte(in) % (socket_count - 2), accepted);
    }
}

static void call_events(input *in) {
    SOCKET socket = a_socket(in);
    uint8_t kind = next_byte(in);
    if (kind & 1) {
        WSANETWORKEVENTS *events = calloc(1, sizeof *events);
        the.functions.lpWSPEnumNetworkEvents(socket, kind & 2 ? NULL : an_event(kind),
                                             kind & 4 ? NULL : a_pointer(in, events), an_error(in));
        free(events);
    } else {
        LONG wanted = kind & 2 ? (LONG)next_number(in, 4) : FD_CONNECT | FD_ACCEPT;
        the.functions.lpWSPEventSelect(socket, kind & 4 ? NULL : an_event(kind), wanted,
                                       an_error(in));
    }
}

static void call_options(input *in) {
    static const int options[] = {SO_MAX_MSG_SIZE, SO_MAX_RDMA_SIZE, SO_RDMA_THRESHOLD_SIZE, 1};
    SOCKET socket = a_socket(in);
    uint8_t kind = next_byte(in);
    int level = kind < 0xE0 ? WSA_SOL_SOCKET : (int)next_number(in, 4);
    int option = kind < 0xC0 ? options[kind & 3] : (int)next_number(in, 4);
    INT length = next_byte(in) % 12 - 2;
    char *value = calloc(1, length > 0 ? (size_t)length : 1);
    if (kind & 4) {
        the.functions.lpWSPGetSockOpt(socket, level, option, kind & 8 ? NULL : a_pointer(in, value),
                                      kind & 16 ? NULL : a_pointer(in, &length), an_error(in));
    } else {
        the.functions.lpWSPSetSockOpt(socket, level, option, kind & 8 ? NULL : a_pointer(in, value),
                                      length, an_error(in));
    }
    free(value);
}

static void call_ioctl(input *in) {
    static const DWORD codes[] = {SIO_GET_EXTENSION_FUNCTION_POINTER, SIO_ADDRESS_LIST_QUERY,
                                  SIO_GET_QOS, SIO_FLUSH};
    SOCKET socket = a_socket(in);
    uint8_t kind = next_byte(in);
    DWORD code = kind < 0xE0 ? codes[kind & 3] : (DWORD)next_number(in, 4);
    DWORD input_bytes = next_byte(in) % 24;
    DWORD output_bytes = next_byte(in);
    unsigned char *given = calloc(1, input_bytes + 1);
    unsigned char *taken = calloc(1, output_bytes + 1);
    GUID name = WSAID_RDMAREAD;
    for (DWORD index = 0; index < input_bytes; index++) {
        given[index] = index < sizeof name && kind & 4 ? ((unsigned char *)&name)[index]
                                                       : next_byte(in);
    }
    DWORD returned = 0;
    the.functions.lpWSPIoctl(socket, code, kind & 8 ? NULL : a_pointer(in, given), input_bytes,
                             kind & 16 ? NULL : a_pointer(in, taken), output_bytes,
                             kind & 32 ? NULL : a_pointer(in, &returned), NULL, NULL, NULL,
                             an_error(in));
    free(given);
    free(taken);
}

static void call_register(input *in) {
    SOCKET socket = a_socket(in);
    void *address = an_address(in);
    DWORD length = next_length(in, 4 * page_bytes);
    HANDLE handle = the.register_memory(socket, address, length, next_byte(in) % 6, an_error(in));
    if (handle != NULL) {
        the.handles[next_byte(in) % handle_count] = handle;
    }
}

static void call_deregister(input *in) {
    SOCKET socket = a_socket(in);
    the.deregister_memory(socket, a_handle(in), an_error(in));
}

static void call_expose(input *in) {
    SOCKET socket = a_socket(in);
    void *address = an_address(in);
    DWORD length = next_length(in, 4 * page_bytes);
    DWORD room = next_byte(in) % 48;
    unsigned char *descriptor = calloc(1, room + 1);
    DWORD used = room;
    uint8_t kind = next_byte(in);
    void *target = kind == 0xFF ? NULL : a_pointer(in, descriptor);
    DWORD *told = kind == 0xFE ? NULL : a_pointer(in, &used);
    int answer = the.register_rdma_memory(socket, address, length, next_byte(in) % 6, target, told,
                                          an_error(in));
    /* They can be other memory that is good. */
    if (answer == 0 && target == descriptor && told == &used) {
        if (used != descriptor_bytes || used > room || descriptor[room] != 0) {
            broken("a descriptor has the length that was said");
        }
        memcpy(the.descriptors[kind % descriptor_count], descriptor, used);
    }
    free(descriptor);
}

static void call_conceal(input *in) {
    SOCKET socket = a_socket(in);
    DWORD length;
    void *descriptor = a_descriptor(in, &length);
    the.deregister_rdma_memory(
        socket, next_byte(in) == 0xFF ? NULL : a_pointer(in, descriptor), length, an_error(in));
    free(descriptor);
}

/* Notes down whether a request has begun; for polled ones asks once how it is. */
static void began(input *in, SOCKET socket, request *each, int answer, INT error) {
    if (answer == 0) {
        broken("a transfer with an overlapped structure is pending, or fails");
    }
    if (error == WSA_IO_PENDING) {
        each->has_started = true;
    } else if (each->upcalls != 0 || each->overlapped.Internal == WSS_OPERATION_IN_PROGRESS) {
        broken("what did not start does not end");
    }
    DWORD bytes = 0, flags = 0;
    uint8_t kind = next_byte(in);
    the.functions.lpWSPGetOverlappedResult(socket, kind & 1 ? &each->overlapped : NULL,
                                           kind & 2 ? NULL : &bytes, kind & 4 ? 1 : 0,
                                           kind & 8 ? NULL : &flags, an_error(in));
}

static void call_transfer(input *in) {
    SOCKET socket = a_socket(in);
    uint8_t kind = next_byte(in);
    request *each = free_request(kind & 2);
    if (each == NULL) {
        return;
    }
    DWORD count = next_byte(in) % 20;
    WSABUF *buffers = calloc(count + 1, sizeof *buffers);
    for (DWORD index = 0; index < count; index++) {
        buffers[index].buf = an_address(in);
        buffers[index].len = next_length(in, page_bytes);
    }
    INT error = 0;
    DWORD flags = kind & 4 ? next_byte(in) : 0;
    WSABUF *given = kind & 8 ? NULL : a_pointer(in, buffers);
    int answer = kind & 1 ? the.functions.lpWSPSend(socket, given, count, NULL, flags,
                                                    &each->overlapped, NULL, NULL, &error)
                          : the.functions.lpWSPRecv(socket, given, count, NULL,
                                                    kind & 16 ? NULL : a_pointer(in, &flags),
                                                    &each->overlapped, NULL, NULL, &error);
    free(buffers);
    began(in, socket, each, answer, error);
}

static void call_rdma(input *in) {
    SOCKET socket = a_socket(in);
    uint8_t kind = next_byte(in);
    request *each = free_request(kind & 2);
    if (each == NULL) {
        return;
    }
    DWORD count = next_byte(in) % 20;
    WSABUFEX *buffers = calloc(count + 1, sizeof *buffers);
    for (DWORD index = 0; index < count; index++) {
        buffers[index].buf = an_address(in);
        buffers[index].len = next_length(in, page_bytes);
        buffers[index].handle = a_handle(in);
    }
    DWORD length;
    void *descriptor = a_descriptor(in, &length);
    DWORD offset = next_length(in, 4 * page_bytes);
    INT error = 0;
    LPFN_WSPRDMAWRITE function = kind & 1 ? the.rdma_write : the.rdma_read;
    WSABUFEX *given = kind & 8 ? NULL : a_pointer(in, buffers);
    void *remote = kind & 16 ? NULL : a_pointer(in, descriptor);
    int answer = function(socket, given, count, remote, length, offset, NULL,
                          kind & 4 ? next_byte(in) : 0, &each->overlapped, NULL, NULL, &error);
    free(buffers);
    free(descriptor);
    began(in, socket, each, answer, error);
}

static void call_callback(input *in) {
    void *address = an_address(in);
    SIZE_T length = next_length(in, 8 * page_bytes);
    if (next_byte(in) & 1) {
        length |= (SIZE_T)next_byte(in) << 56;
    }
    the.cache_callback(address, length, an_error(in));
}

static void change_mapping(input *in) {
    unsigned char *page = the.arena + (size_t)(next_byte(in) % arena_pages) * page_bytes;
    if (next_byte(in) & 1) {
        madvise(page, page_bytes, MADV_DONTNEED);
    } else if (mmap(page, page_bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
        broken("a page of the arena can be replaced");
    }
}

static void call_duplicate(input *in) {
    SOCKET socket = a_socket(in);
    uint8_t kind = next_byte(in);
    WSAPROTOCOL_INFOW *information = calloc(1, sizeof *information);
    DWORD process = kind < 0xC0 ? (DWORD)getpid() : (DWORD)next_number(in, 4);
    /* Of other processes, only those that cannot be: a real one would have to come and fetch it. */
    if (process != (DWORD)getpid()) {
        process |= 0x40000000;
    }
    void *target = kind & 1 ? NULL : a_pointer(in, information);
    if (the.functions.lpWSPDuplicateSocket(socket, process, target, an_error(in)) == 0) {
        the.tokens[kind >> 2 & 3] = information->dwProviderReserved;
    }
    free(information);
}

static void call_start(input *in) {
    WSPDATA data;
    WSPPROC_TABLE table;
    WSPUPCALLTABLEEX upcalls;
    memset(&upcalls, 0, sizeof upcalls);
    uint8_t kind = next_byte(in);
    /* A table without functions, so that it never starts with this one. */
    WORD version = (WORD)next_number(in, 2);
    void *told = kind & 1 ? NULL : a_pointer(in, &data);
    void *given = kind & 2 ? NULL : a_pointer(in, &upcalls);
    if (WSPStartupEx(version, told, NULL, given, kind & 4 ? NULL : a_pointer(in, &table)) == 0) {
        broken("a provider does not start without upcalls");
    }
    the.functions.lpWSPGetQOSByName(a_socket(in), NULL, NULL, an_error(in));
}

static void (*const calls[])(input *) = {
    call_socket,  call_close,   call_bind,    call_listen,   call_connect, call_accept,
    call_events,  call_options, call_ioctl,   call_register, call_deregister, call_expose,
    call_conceal, call_transfer, call_rdma,   call_callback, change_mapping, call_duplicate,
    call_start,   call_register, call_expose, call_transfer, call_rdma,    call_transfer,
};

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    (void)count;
    (void)arguments;
    start_provider();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    input in = {bytes, length};
    begin_world();
    for (int step = 0; step < 64 && in.length > 0; step++) {
        uint8_t number = next_byte(&in);
        size_t count = sizeof calls / sizeof calls[0];
        has_wrong_pointers = number / count >= 8;
        calls[number % count](&in);
    }
    end_world();
    return 0;
}
