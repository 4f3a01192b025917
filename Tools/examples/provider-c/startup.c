/* WSPStartupEx, the one function that the library exports, WSPCleanup, WSPIoctl and the options. */
#include "provider.h"

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

struct provider provider = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;

/* After a fork the child has no provider. Hook context. */
bool provider_is_started(void) {
    return __atomic_load_n(&provider.starts, __ATOMIC_ACQUIRE) > 0 && provider.pid == getpid();
}

static int open_adapters(void) {
    static const char *const names[NICS] = {"example0", "example1"};
    pindown_cache_options options = {
        .size = sizeof options, .name = "example", .attach = nic_attach, .detach = nic_detach};
    int code = pindown_cache_create(&options, &provider.cache);
    if (code != 0) return code;
    for (int i = 0; i < NICS; i++) {
        code = pindown_nic_publish(provider.cache, names[i], nics[i].address, PREFIX_LENGTH,
                                   REGISTRATIONS_PER_NIC, UINT32_MAX);
        if (code < 0) {
            while (i-- > 0) pindown_nic_withdraw(nics[i].adapter);
            pindown_cache_destroy(provider.cache);
            return code;
        }
        nics[i].adapter = (uint32_t)code;
        nics[i].connections = 0;
    }
    return 0;
}

static void describe(LPWSPDATA data, const char *text) {
    memset(data, 0, sizeof *data);
    data->wVersion = data->wHighVersion = 0x0202;
    for (int i = 0; i < WSPDESCRIPTION_LEN && text[i] != 0; i++)
        data->szDescription[i] = (WCHAR)text[i];
}

static int WSPAPI cleanup(LPINT error) {
    pthread_mutex_lock(&starting);
    bool was_started = provider_is_started();
    bool is_last = was_started && provider.starts == 1;
    if (was_started && !is_last) provider.starts--;
    while (is_last) { /* what is open is closed, in upcalls */
        pthread_mutex_lock(&provider.lock);
        struct san_socket *s = provider.sockets;
        if (s != NULL) s->references++;
        pthread_mutex_unlock(&provider.lock);
        if (s == NULL) break;
        if (socket_close(s)) socket_release(s);
        socket_release(s);
    }
    if (is_last) {
        handovers_end();
        __atomic_store_n(&provider.starts, 0, __ATOMIC_RELEASE);
        pindown_cache_destroy(provider.cache);
        for (int i = 0; i < NICS; i++) pindown_nic_withdraw(nics[i].adapter);
    }
    pthread_mutex_unlock(&starting);
    return was_started ? done(error) : fail(error, WSANOTINITIALISED);
}

static BOOL WSPAPI quality_by_name(SOCKET s, LPWSABUF name, LPQOS quality, LPINT error) {
    (void)s, (void)name, (void)quality;
    fail(error, WSAEOPNOTSUPP);
    return FALSE;
}

static int start(LPWSPDATA data, const WSPUPCALLTABLEEX *upcalls) {
    if (provider.starts > 0 && provider.pid == getpid()) return 0;
    provider.starts = 0;
    provider.pid = getpid();
    provider.sockets = NULL; /* those of a parent before a fork are its own */
    provider.handovers = NULL;
    provider.upcalls = *upcalls;
    int code = open_adapters();
    if (code == 0) return 0;
    describe(data, "the registration cache of the example provider cannot be made");
    return WSASYSNOTREADY;
}

int WSPAPI WSPStartupEx(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW information,
                        LPWSPUPCALLTABLEEX upcalls, LPWSPPROC_TABLE procedures) {
    (void)information; /* TCP/IP's, by which a provider knows that it is the switch that calls */
#ifdef PINDOWN_MUTANT_UNCHECKED_QUERY
    pthread_mutex_lock(&starting);
    if (version != 0x0202) return WSAVERNOTSUPPORTED;
    pthread_mutex_unlock(&starting);
#endif
    if ((version & 0xFF) < 2 || ((version & 0xFF) == 2 && version >> 8 < 2))
        return WSAVERNOTSUPPORTED;
    if (data == NULL || procedures == NULL || upcalls == NULL) return WSAEFAULT;
    pthread_mutex_lock(&starting);
    int code = start(data, upcalls);
    if (code == 0) __atomic_add_fetch(&provider.starts, 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&starting);
    if (code != 0) return code;
    describe(data, "An example of a SAN service provider in C");
    *procedures = (WSPPROC_TABLE){
        .lpWSPAccept = san_accept,
        .lpWSPBind = san_bind,
        .lpWSPCleanup = cleanup,
        .lpWSPCloseSocket = san_close,
        .lpWSPConnect = san_connect,
        .lpWSPDuplicateSocket = san_duplicate,
        .lpWSPEnumNetworkEvents = san_enum_events,
        .lpWSPEventSelect = san_event_select,
        .lpWSPGetOverlappedResult = san_overlapped_result,
        .lpWSPGetSockOpt = san_get_option,
        .lpWSPGetQOSByName = quality_by_name,
        .lpWSPIoctl = san_ioctl,
        .lpWSPListen = san_listen,
        .lpWSPRecv = san_receive,
        .lpWSPSend = san_send,
        .lpWSPSetSockOpt = san_set_option,
        .lpWSPSocket = san_socket,
    };
    INT ignored;
    san_cache_callback(NULL, 0, &ignored); /* so that a hook is not the first to call it */
    return 0;
}

static int extension(LPVOID in, DWORD in_length, LPVOID out, DWORD room, LPDWORD returned,
                     LPINT error) {
    static const struct {
        GUID guid;
        void *function;
    } all[] = {
        {WSAID_REGISTERMEMORY, (void *)san_register},
        {WSAID_DEREGISTERMEMORY, (void *)san_deregister},
        {WSAID_REGISTERRDMAMEMORY, (void *)san_register_rdma},
        {WSAID_DEREGISTERRDMAMEMORY, (void *)san_deregister_rdma},
        {WSAID_RDMAWRITE, (void *)san_rdma_write},
        {WSAID_RDMAREAD, (void *)san_rdma_read},
        {WSAID_MEMORYREGISTRATIONCACHECALLBACK, (void *)san_cache_callback},
    };
#ifdef PINDOWN_MUTANT_UNCHECKED_QUERY
    DWORD untold;
    in_length = sizeof(GUID), room = sizeof(void *), returned = &untold;
#endif
    if (in == NULL || in_length < sizeof(GUID)) return fail(error, WSAEFAULT);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (memcmp(&all[i].guid, in, sizeof(GUID)) != 0) continue;
        *returned = sizeof(void *);
        if (out == NULL || room < sizeof(void *)) return fail(error, WSAEFAULT);
        memcpy(out, &all[i].function, sizeof(void *));
        return done(error);
    }
    return fail(error, WSAEINVAL);
}

/* The sockaddrs follow the array in the same memory. */
static int addresses(char *out, DWORD room, LPDWORD returned, LPINT error) {
    size_t array = offsetof(SOCKET_ADDRESS_LIST, Address);
    size_t names = array + NICS * sizeof(SOCKET_ADDRESS);
    *returned = (DWORD)(names + NICS * sizeof(struct sockaddr_in));
    if (out == NULL || room < *returned) return fail(error, WSAEFAULT);
    INT count = NICS;
    memcpy(out, &count, sizeof count);
    for (int i = 0; i < NICS; i++) {
        struct sockaddr_in name = {.sin_family = AF_INET,
                                   .sin_addr = {htonl(nics[i].address)}};
        char *place = out + names + (size_t)i * sizeof name;
        SOCKET_ADDRESS entry = {(struct sockaddr *)place, sizeof name};
        memcpy(place, &name, sizeof name);
        memcpy(out + array + (size_t)i * sizeof entry, &entry, sizeof entry);
    }
    return done(error);
}

int WSPAPI san_ioctl(SOCKET descriptor, DWORD code, LPVOID in, DWORD in_length, LPVOID out,
                     DWORD room, LPDWORD returned, LPWSAOVERLAPPED overlapped,
                     LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread,
                     LPINT error) {
    (void)overlapped, (void)routine, (void)thread;
    if (!provider_is_started()) return fail(error, WSANOTINITIALISED);
    if (returned == NULL) return fail(error, WSAEFAULT);
    /* This one is asked without a socket (spec 5.1). */
    if (code == SIO_GET_EXTENSION_FUNCTION_POINTER)
        return extension(in, in_length, out, room, returned, error);
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return SOCKET_ERROR;
    socket_release(s);
    if (code == SIO_ADDRESS_LIST_QUERY) return addresses(out, room, returned, error);
    return fail(error, WSAEOPNOTSUPP);
}

int WSPAPI san_get_option(SOCKET descriptor, int level, int name, char *value, LPINT length,
                          LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return SOCKET_ERROR;
    int32_t answer = s->debug;
    socket_release(s);
    if (level != WSA_SOL_SOCKET) return fail(error, WSAEINVAL);
    switch (name) {
    case SO_DEBUG: break;
    case SO_MAX_MSG_SIZE: answer = MAX_MESSAGE; break;
    case SO_MAX_RDMA_SIZE: answer = MAX_RDMA; break;
    case SO_RDMA_THRESHOLD_SIZE: answer = RDMA_THRESHOLD; break;
    default: return fail(error, WSAENOPROTOOPT);
    }
    if (length == NULL) return fail(error, WSAEFAULT);
    int room = *length;
    *length = sizeof answer;
    if (value == NULL || room < (int)sizeof answer) return fail(error, WSAEFAULT);
    memcpy(value, &answer, sizeof answer);
    return done(error);
}

/* SO_DEBUG is kept, and has no effect; the sizes are the adapters' own. */
int WSPAPI san_set_option(SOCKET descriptor, int level, int name, const char *value, int length,
                          LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return SOCKET_ERROR;
    int code = 0;
    int32_t wanted;
    if (level != WSA_SOL_SOCKET) code = WSAEINVAL;
    else if (name != SO_DEBUG) code = WSAENOPROTOOPT;
    else if (value == NULL || length < (int)sizeof wanted) code = WSAEFAULT;
    if (code == 0) {
        memcpy(&wanted, value, sizeof wanted);
        s->debug = wanted != 0;
    }
    socket_release(s);
    return code == 0 ? done(error) : fail(error, code);
}
