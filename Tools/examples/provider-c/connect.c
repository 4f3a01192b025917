/* WSPConnect, WSPListen and WSPAccept. A listener is an abstract Unix socket for each adapter. */
#include "provider.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

static socklen_t name_of(struct sockaddr_un *name, uint32_t address, uint16_t port) {
    memset(name, 0, sizeof *name);
    name->sun_family = AF_UNIX;
    int length = snprintf(name->sun_path + 1, sizeof name->sun_path - 1,
                          "pindown-example/%08x:%u", address, port);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

static uint32_t pid_of(int stream) {
    struct ucred peer = {0};
    socklen_t length = sizeof peer;
    getsockopt(stream, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    return (uint32_t)peer.pid;
}

static void answer(int stream, bool is_accepted) {
    struct answer a = {HELLO_MAGIC, is_accepted};
    send_all(stream, &a, sizeof a);
}

/* Connecting */

static int reach(struct san_socket *s, int stream) {
    struct sockaddr_un name;
    socklen_t length = name_of(&name, s->peer_address, s->peer_port);
    /* An address that is not of an adapter here may be that of a host without this provider. */
    bool is_here = nic_of_address(s->peer_address) >= 0;
    struct timeval patience = {.tv_sec = 5};
    setsockopt(stream, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(stream, (struct sockaddr *)&name, length) != 0)
        return errno == ECONNREFUSED && is_here ? WSAECONNRESET : WSAETIMEDOUT;
    patience.tv_sec = 0;
    setsockopt(stream, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    struct hello hello = {HELLO_MAGIC, s->address, s->port};
    struct answer a;
    if (!send_all(stream, &hello, sizeof hello) || !receive_all(stream, &a, sizeof a))
        return WSAECONNRESET;
    return a.magic == HELLO_MAGIC && a.is_accepted ? 0 : WSAECONNREFUSED;
}

/* Connects, tells the switch, and becomes the thread that receives. */
static void *connect_and_receive(void *argument) {
    struct san_socket *s = argument;
    int code = reach(s, s->stream);
    pthread_mutex_lock(&s->lock);
    if (s->ending) code = WSAECONNABORTED;
    if (code == 0) {
        s->peer_pid = pid_of(s->stream);
        socket_begin_connection(s, s->stream);
        code = socket_start_thread(s, 1, transmit);
    }
    bool is_ending = s->ending;
    if (code != 0 && !is_ending) {
        close(s->stream);
        s->stream = -1;
        s->state = PINDOWN_SOCKET_BOUND;
        s->running[0] = false;
        pthread_detach(pthread_self());
        socket_show(s);
    }
    s->connect_error = code;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (code == 0) socket_count_connection(s, true);
    if (!is_ending) event_record(s, FD_CONNECT);
    if (code == 0) return receive(s);
    socket_release(s);
    return NULL;
}

/* A port for the connection's own end, where none was asked for. */
static uint16_t own_port(void) {
    static _Atomic uint16_t next;
    return (uint16_t)(32768 + atomic_fetch_add(&next, 1) % 16384);
}

static int begin_connecting(struct san_socket *s, uint32_t address, uint16_t port) {
    switch (s->state) {
    case PINDOWN_SOCKET_CREATED:
    case PINDOWN_SOCKET_BOUND: break;
    case PINDOWN_SOCKET_CONNECTING: return WSAEALREADY;
    case PINDOWN_SOCKET_LISTENING: return WSAEINVAL;
    case PINDOWN_SOCKET_CLOSED: return WSAENOTSOCK;
    default: return WSAEISCONN;
    }
    if (address == INADDR_ANY || port == 0) return WSAEADDRNOTAVAIL;
    int nic = s->nic >= 0 ? s->nic : nic_reaching(address);
    if (nic < 0) return WSAENETUNREACH;
    int stream = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (stream < 0) return WSAENOBUFS;
    s->nic = nic;
    s->address = nics[nic].address;
    if (s->port == 0) s->port = own_port();
    s->peer_address = address;
    s->peer_port = port;
    s->stream = stream;
    s->recorded &= ~FD_CONNECT;
    s->state = PINDOWN_SOCKET_CONNECTING;
    int code = socket_start_thread(s, 0, connect_and_receive);
    if (code != 0) {
        close(stream);
        s->stream = -1;
        s->state = PINDOWN_SOCKET_BOUND;
    }
    socket_show(s);
    return code;
}

int WSPAPI san_connect(SOCKET descriptor, const struct sockaddr *name, int length,
                       LPWSABUF caller_data, LPWSABUF callee_data, LPQOS send_quality,
                       LPQOS group_quality, LPINT error) {
    (void)caller_data, (void)callee_data, (void)send_quality, (void)group_quality;
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return SOCKET_ERROR;
    const struct sockaddr_in *in = (const struct sockaddr_in *)name;
    int code = 0;
    if (name == NULL || length < (int)sizeof *in) code = WSAEFAULT;
    else if (in->sin_family != AF_INET) code = WSAEAFNOSUPPORT;
    if (code == 0) {
        pthread_mutex_lock(&s->lock);
        code = begin_connecting(s, ntohl(in->sin_addr.s_addr), ntohs(in->sin_port));
        if (code == 0 && s->selected & FD_CONNECT) {
            code = WSAEWOULDBLOCK;
        } else if (code == 0) {
            while (s->state == PINDOWN_SOCKET_CONNECTING) pthread_cond_wait(&s->changed, &s->lock);
            code = s->state == PINDOWN_SOCKET_CLOSED ? WSAENOTSOCK : s->connect_error;
            s->recorded &= ~FD_CONNECT;
        }
        pthread_mutex_unlock(&s->lock);
    }
    socket_release(s);
    return code == 0 ? done(error) : fail(error, code);
}

/* Listening */

static void add_caller(struct san_socket *s, int nic, int stream) {
    struct timeval patience = {.tv_sec = 1};
    struct caller *c = calloc(1, sizeof *c);
    setsockopt(stream, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (c == NULL || !receive_all(stream, &c->hello, sizeof c->hello) ||
        c->hello.magic != HELLO_MAGIC) {
        free(c);
        close(stream);
        return;
    }
    patience.tv_sec = 0;
    setsockopt(stream, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    c->stream = stream;
    c->nic = nic;
    c->pid = pid_of(stream);
    pthread_mutex_lock(&s->lock);
    bool has_room = !s->ending && s->waiting_callers < s->backlog;
    if (has_room) {
        struct caller **last = &s->callers;
        while (*last != NULL) last = &(*last)->next;
        *last = c;
        s->waiting_callers++;
    }
    pthread_mutex_unlock(&s->lock);
    if (has_room) {
        event_record(s, FD_ACCEPT);
    } else { /* refused at once, and nobody hears of it (spec C27) */
        answer(stream, false);
        close(stream);
        free(c);
    }
}

static void *wait_for_callers(void *argument) {
    struct san_socket *s = argument;
    while (!s->ending) {
        struct pollfd fds[NICS + 1] = {{s->wake, POLLIN, 0}};
        for (int i = 0; i < NICS; i++) fds[i + 1] = (struct pollfd){s->listeners[i], POLLIN, 0};
        if (poll(fds, NICS + 1, -1) < 0) continue;
        for (int i = 0; i < NICS && !s->ending; i++) {
            if (!(fds[i + 1].revents & POLLIN)) continue;
            int stream = accept4(s->listeners[i], NULL, NULL, SOCK_CLOEXEC);
            if (stream >= 0) add_caller(s, i, stream);
        }
    }
    socket_release(s);
    return NULL;
}

int listener_open(uint32_t address, uint16_t port) {
    struct sockaddr_un name;
    socklen_t length = name_of(&name, address, port);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) return -1;
    if (bind(listener, (struct sockaddr *)&name, length) == 0 && listen(listener, 128) == 0)
        return listener;
    close(listener);
    return -1;
}

static bool open_all(struct san_socket *s) {
    uint16_t port = s->port;
    for (int attempt = 0; attempt < 64; attempt++) {
        if (s->port == 0) port = (uint16_t)(49152 + rand() % 16384);
        bool has_all = true;
        for (int i = 0; i < NICS; i++)
            if (s->nic < 0 || s->nic == i)
                has_all = (s->listeners[i] = listener_open(nics[i].address, port)) >= 0 && has_all;
        if (has_all) {
            s->port = port;
            return true;
        }
        for (int i = 0; i < NICS; i++) {
            if (s->listeners[i] >= 0) close(s->listeners[i]);
            s->listeners[i] = -1;
        }
        if (s->port != 0) break;
    }
    return false;
}

int WSPAPI san_listen(SOCKET descriptor, int backlog, LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return SOCKET_ERROR;
    int code = 0;
    pthread_mutex_lock(&s->lock);
    switch (s->state) {
    case PINDOWN_SOCKET_BOUND: break;
    case PINDOWN_SOCKET_CREATED:
    case PINDOWN_SOCKET_LISTENING: code = WSAEINVAL; break;
    case PINDOWN_SOCKET_CLOSED: code = WSAENOTSOCK; break;
    default: code = WSAEISCONN;
    }
    if (code == 0 && !open_all(s)) code = WSAENOBUFS;
    if (code == 0) {
        s->backlog = backlog < 1 ? 1 : backlog > MAX_BACKLOG ? MAX_BACKLOG : (unsigned)backlog;
        s->state = PINDOWN_SOCKET_LISTENING;
        socket_show(s);
        code = socket_start_thread(s, 0, wait_for_callers);
    }
    pthread_mutex_unlock(&s->lock);
    socket_release(s);
    return code == 0 ? done(error) : fail(error, code);
}

/* For a socket whose threads have ended: those who wait are refused. */
void listener_close(struct san_socket *s) {
    for (int i = 0; i < NICS; i++)
        if (s->listeners[i] >= 0) close(s->listeners[i]);
    while (s->callers != NULL) {
        struct caller *c = s->callers;
        s->callers = c->next;
        answer(c->stream, false);
        close(c->stream);
        free(c);
    }
}

/* Accepting */

static int ask(struct san_socket *s, struct caller *c, LPCONDITIONPROC condition,
               DWORD_PTR data) {
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)c->hello.port),
                               .sin_addr = {htonl(c->hello.address)}};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(s->port),
                             .sin_addr = {htonl(nics[c->nic].address)}};
    WSABUF caller = {sizeof from, (char *)&from}, callee = {sizeof to, (char *)&to};
    WSABUF caller_data = {0, NULL}, callee_data = {0, NULL};
    GROUP group = 0;
    if (condition == NULL) return CF_ACCEPT;
    return condition(&caller, &caller_data, NULL, NULL, &callee, &callee_data, &group, data);
}

/* The new socket of an accepted caller, whose peer learns of it; its stream is the socket's now. */
static SOCKET confirm(struct san_socket *listener, struct caller *c, LPINT error) {
    struct san_socket *s = socket_make(error);
    if (s == NULL) {
        answer(c->stream, false);
        close(c->stream);
        return INVALID_SOCKET;
    }
    SOCKET descriptor = s->descriptor;
    pthread_mutex_lock(&s->lock);
    s->nic = c->nic;
    s->address = nics[c->nic].address;
    s->port = listener->port;
    s->peer_address = c->hello.address;
    s->peer_port = (uint16_t)c->hello.port;
    s->peer_pid = c->pid;
    socket_begin_connection(s, c->stream);
    pthread_mutex_unlock(&s->lock);
    socket_count_connection(s, true);
    answer(c->stream, true);
    pthread_mutex_lock(&s->lock);
    int code = socket_start_thread(s, 0, receive);
    if (code == 0) code = socket_start_thread(s, 1, transmit);
    pthread_mutex_unlock(&s->lock);
    if (code == 0) return descriptor;
    san_close(descriptor, error);
    fail(error, code);
    return INVALID_SOCKET;
}

static SOCKET decide(struct san_socket *s, struct caller *c, LPCONDITIONPROC condition,
                     DWORD_PTR data, LPINT error) {
    int verdict = ask(s, c, condition, data);
    if (verdict == CF_ACCEPT) {
        SOCKET accepted = confirm(s, c, error);
        free(c);
        return accepted;
    }
    pthread_mutex_lock(&s->lock);
    if (verdict == CF_DEFER && !s->ending) { /* the switch comes back by itself */
        c->next = s->callers;
        s->callers = c;
        s->waiting_callers++;
        c = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    if (c != NULL) {
        answer(c->stream, false);
        close(c->stream);
        free(c);
    }
    fail(error, verdict == CF_DEFER    ? WSATRY_AGAIN
                : verdict == CF_REJECT ? WSAECONNREFUSED
                                       : WSAEINVAL);
    return INVALID_SOCKET;
}

SOCKET WSPAPI san_accept(SOCKET descriptor, struct sockaddr *name, LPINT length,
                         LPCONDITIONPROC condition, DWORD_PTR data, LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return INVALID_SOCKET;
    struct sockaddr_in from = {.sin_family = AF_INET};
    SOCKET accepted = INVALID_SOCKET;
    int code = 0;
    if (name != NULL && (length == NULL || *length < (int)sizeof from)) code = WSAEFAULT;
    pthread_mutex_lock(&s->lock);
    if (code == 0 && s->state != PINDOWN_SOCKET_LISTENING) code = WSAEINVAL;
    if (code == 0 && s->callers == NULL) code = WSAEWOULDBLOCK;
    struct caller *c = NULL;
    if (code == 0) {
        s->recorded &= ~FD_ACCEPT;
        c = s->callers;
        s->callers = c->next;
        s->waiting_callers--;
        from.sin_port = htons((uint16_t)c->hello.port);
        from.sin_addr.s_addr = htonl(c->hello.address);
    }
    pthread_mutex_unlock(&s->lock);
    if (code != 0) {
        fail(error, code);
    } else {
        INT refusal = 0;
        accepted = decide(s, c, condition, data, &refusal);
        if (error != NULL) *error = accepted == INVALID_SOCKET ? refusal : 0;
        if (accepted != INVALID_SOCKET && name != NULL) {
            memcpy(name, &from, sizeof from);
            *length = sizeof from;
        }
        pthread_mutex_lock(&s->lock);
        bool has_next = s->callers != NULL && refusal != WSATRY_AGAIN;
        pthread_mutex_unlock(&s->lock);
        if (has_next) event_record(s, FD_ACCEPT); /* (spec C30) */
    }
    socket_release(s);
    return accepted;
}
