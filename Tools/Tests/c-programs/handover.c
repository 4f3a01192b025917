/* Hands a connection from one process to another and back (spec 5.9, C82-C87): a small switch around
   the provider whose library is given. Exits with the number of what did not hold. */
#define _GNU_SOURCE
#define WINSOCK_KEEP_HOST_CONSTANTS
#include <arpa/inet.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ws2san.h>

static int failures;

#define CHECK(condition)                                            \
    do {                                                            \
        if (!(condition)) {                                         \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            failures++;                                             \
        }                                                           \
    } while (0)

/* The switch of a process */

static WSPPROC_TABLE wsp;
static LPFN_WSPREGISTERMEMORY register_memory;
static INT error;
static SOCKET next_handle = 100;
static int handles_made, handles_closed;

static SOCKET create_handle(DWORD entry, DWORD_PTR context, LPINT code) {
    (void)entry, (void)context, (void)code;
    handles_made++;
    return next_handle++;
}
static int close_handle(SOCKET handle, LPINT code) {
    (void)handle, (void)code;
    handles_closed++;
    return 0;
}
static int complete(SOCKET handle, LPWSAOVERLAPPED o, DWORD code, DWORD count, LPINT ignored) {
    (void)handle, (void)o, (void)code, (void)count, (void)ignored;
    CHECK(!"nobody asked to be notified");
    return 0;
}
static BOOL event(WSAEVENT e, LPINT code) {
    (void)e, (void)code;
    return TRUE;
}

static void start(const char *path) {
    void *library = dlopen(path, RTLD_NOW);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(99);
    }
    void *symbol = dlsym(library, "WSPStartupEx");
    LPWSPSTARTUPEX start_up;
    memcpy(&start_up, &symbol, sizeof symbol);
    WSPUPCALLTABLEEX upcalls = {.lpWPUCreateSocketHandle = create_handle,
                                .lpWPUCloseSocketHandle = close_handle,
                                .lpWPUCompleteOverlappedRequest = complete,
                                .lpWPUSetEvent = event,
                                .lpWPUResetEvent = event};
    WSAPROTOCOL_INFOW tcp = {.iProtocol = IPPROTO_TCP};
    WSPDATA data;
    CHECK(start_up(0x0202, &data, &tcp, &upcalls, &wsp) == 0);
    GUID guid = WSAID_REGISTERMEMORY;
    DWORD size;
    CHECK(wsp.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid,
                         &register_memory, sizeof register_memory, &size, NULL, NULL, NULL,
                         &error) == 0);
}

static char *pool;
static WSAOVERLAPPED requests[16];

static void make_pool(SOCKET s) {
    if (pool == NULL)
        pool = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(register_memory(s, pool, 65536, MEM_READWRITE, &error) != NULL);
}

static void post_receive(SOCKET s, int number) {
    WSABUF buffer = {64, pool + 64 * number};
    DWORD count, flags = 0;
    requests[number] = (WSAOVERLAPPED){.hEvent = (HANDLE)1};
    CHECK(wsp.lpWSPRecv(s, &buffer, 1, &count, &flags, &requests[number], NULL, NULL, &error) ==
              SOCKET_ERROR && error == WSA_IO_PENDING);
}

/* The count of an ended request, or the negative error, after five seconds -WSA_IO_INCOMPLETE. */
static int end(SOCKET s, int number) {
    DWORD count = 0, flags;
    for (int i = 0; i < 5000; i++) {
        if (wsp.lpWSPGetOverlappedResult(s, &requests[number], &count, FALSE, &flags, &error))
            return (int)count;
        if (error != WSA_IO_INCOMPLETE) return -error;
        usleep(1000);
    }
    return -WSA_IO_INCOMPLETE;
}

static void send_text(SOCKET s, const char *text) {
    WSABUF buffer = {(ULONG)strlen(text), pool + 64 * 15};
    DWORD count;
    memcpy(buffer.buf, text, buffer.len);
    requests[15] = (WSAOVERLAPPED){.hEvent = (HANDLE)1};
    CHECK(wsp.lpWSPSend(s, &buffer, 1, &count, 0, &requests[15], NULL, NULL, &error) ==
              SOCKET_ERROR && error == WSA_IO_PENDING);
    CHECK(end(s, 15) == (int)strlen(text));
}

static struct sockaddr_in name_of(uint16_t port) {
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = {htonl(0x0A4E0001)}};
}

static SOCKET open_socket(uint32_t token) {
    WSAPROTOCOL_INFOW information = {.dwProviderReserved = token};
    return wsp.lpWSPSocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, &information, 0,
                           WSA_FLAG_OVERLAPPED, &error);
}

/* A process that does what it is told */

struct order {
    char what;
    uint32_t number;
};
struct agent {
    pid_t pid;
    int orders, answers;
};

static uint32_t carry_out(struct order order, SOCKET *s, SOCKET *old) {
    struct sockaddr_in name = name_of((uint16_t)order.number);
    WSAPROTOCOL_INFOW information;
    switch (order.what) {
    case 'c': /* connect, and wait for a message */
        *s = open_socket(0);
        CHECK(wsp.lpWSPConnect(*s, (struct sockaddr *)&name, sizeof name, NULL, NULL, NULL, NULL,
                               &error) == 0);
        make_pool(*s);
        post_receive(*s, 0);
        return 0;
    case 'd': /* hand over; returns the value */
        CHECK(wsp.lpWSPDuplicateSocket(*s, order.number, &information, &error) == 0);
        CHECK(end(*s, 0) == 0);
        CHECK(information.dwProviderReserved != 0);
        *old = *s;
        return information.dwProviderReserved;
    case 't': { /* take over */
        int made = handles_made;
        *s = open_socket(order.number);
        if (*s == INVALID_SOCKET) return (uint32_t)error;
        CHECK(handles_made == made + 1 && *s != *old);
        make_pool(*s);
        post_receive(*s, 0);
        return 0;
    }
    case 'f': /* fail to take over */
        CHECK(open_socket(order.number) == INVALID_SOCKET && error == WSAEINVAL);
        CHECK(handles_made - handles_closed <= 2);
        return 0;
    case 'r': /* what the receive brought */
        CHECK(end(*s, 0) == 5);
        return !memcmp(pool, "later", 5);
    case 's': send_text(*s, "hello"); return 0;
    case 'p': post_receive(*s, 0); return 0;
    case 'o': /* the old descriptor can be closed */
        CHECK(wsp.lpWSPCloseSocket(*old, &error) == 0);
        return 0;
    default: return 0;
    }
}

static struct agent start_agent(const char *path) {
    int orders[2], answers[2];
    if (pipe(orders) != 0 || pipe(answers) != 0) exit(99);
    struct agent agent = {fork(), orders[1], answers[0]};
    if (agent.pid != 0) {
        close(orders[0]);
        close(answers[1]);
        return agent;
    }
    close(orders[1]);
    start(path);
    SOCKET s = INVALID_SOCKET, old = INVALID_SOCKET;
    struct order order;
    while (read(orders[0], &order, sizeof order) == sizeof order) {
        failures = 0;
        uint32_t answer[2] = {carry_out(order, &s, &old), 0};
        answer[1] = (uint32_t)failures;
        if (write(answers[1], answer, sizeof answer) < 0) break;
    }
    _exit(0);
}

static uint32_t tell(struct agent *agent, char what, uint32_t number) {
    struct order order = {what, number};
    uint32_t answer[2] = {0, 1};
    if (write(agent->orders, &order, sizeof order) < 0 ||
        read(agent->answers, answer, sizeof answer) != sizeof answer)
        fprintf(stderr, "no answer to %c\n", what);
    failures += (int)answer[1];
    return answer[0];
}

int main(int count, char **words) {
    if (count != 2) return 99;
    struct agent first = start_agent(words[1]), second = start_agent(words[1]);
    start(words[1]);
    uint16_t port = (uint16_t)(20000 + getpid() % 20000);
    struct sockaddr_in name = name_of(port);
    SOCKET listener = open_socket(0), peer = INVALID_SOCKET;
    CHECK(wsp.lpWSPBind(listener, (struct sockaddr *)&name, sizeof name, &error) == 0);
    CHECK(wsp.lpWSPListen(listener, 5, &error) == 0);
    struct order connect = {'c', port};
    uint32_t answer[2];
    CHECK(write(first.orders, &connect, sizeof connect) == sizeof connect);
    for (int i = 0; i < 5000 && peer == INVALID_SOCKET; i++, usleep(1000))
        peer = wsp.lpWSPAccept(listener, NULL, NULL, NULL, 0, &error);
    CHECK(read(first.answers, answer, sizeof answer) == sizeof answer && answer[1] == 0);
    make_pool(peer);
    post_receive(peer, 1);
    post_receive(peer, 2);
    post_receive(peer, 3);

    uint32_t token = tell(&first, 'd', (uint32_t)second.pid);
    send_text(peer, "later"); /* while nobody has it */
    CHECK(open_socket(token) == INVALID_SOCKET && error == WSAEINVAL);
    CHECK(tell(&second, 't', token) == 0);
    tell(&second, 'f', token);
    CHECK(tell(&second, 'r', 0) == 1);
    tell(&second, 's', 0);
    CHECK(end(peer, 1) == 5 && memcmp(pool + 64, "hello", 5) == 0);

    tell(&second, 'p', 0);
    token = tell(&second, 'd', (uint32_t)first.pid);
    CHECK(tell(&first, 't', token) == 0); /* its old descriptor is still there */
    tell(&first, 'o', 0);
    tell(&first, 's', 0);
    CHECK(end(peer, 2) == 5);

    kill(first.pid, SIGKILL);
    CHECK(end(peer, 3) == -WSAECONNRESET);
    CHECK(wsp.lpWSPCloseSocket(peer, &error) == 0);
    CHECK(wsp.lpWSPCloseSocket(listener, &error) == 0);
    CHECK(wsp.lpWSPCleanup(&error) == 0);
    CHECK(handles_made == handles_closed);
    close(second.orders);
    waitpid(first.pid, NULL, 0);
    waitpid(second.pid, NULL, 0);
    return failures;
}
