/* Sockets, from WSPSocket to WSPCloseSocket. */
#include "provider.h"

#include <arpa/inet.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct san_socket *socket_find(SOCKET descriptor, LPINT error) {
    if (!provider_is_started()) {
        fail(error, WSANOTINITIALISED);
        return NULL;
    }
    pthread_mutex_lock(&provider.lock);
    struct san_socket *s = provider.sockets;
    while (s != NULL && s->descriptor != descriptor) s = s->next;
    if (s != NULL) s->references++;
    pthread_mutex_unlock(&provider.lock);
    if (s == NULL) fail(error, WSAENOTSOCK);
    return s;
}

void socket_release(struct san_socket *s) {
    pthread_mutex_lock(&provider.lock);
    bool is_last = --s->references == 0;
    pthread_mutex_unlock(&provider.lock);
    if (!is_last) return;
    close(s->wake);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s);
}

void socket_show(struct san_socket *s) {
    pindown_socket_record record = {
        .state = s->state,
        .adapter = s->nic < 0 ? PINDOWN_NO_ADAPTER : nics[s->nic].adapter,
        .local_address = s->address,
        .local_port = s->port,
        .remote_address = s->peer_address,
        .remote_port = s->peer_port,
        .peer_pid = s->peer_pid,
        .pending_sends = s->sends.count + s->answers.count,
        .pending_receives = s->receives.count,
    };
    if (s->state != PINDOWN_SOCKET_CLOSED) pindown_socket_update((uint32_t)s->published, &record);
}

int socket_state_error(struct san_socket *s) {
    switch (s->state) {
    case PINDOWN_SOCKET_CONNECTED: return 0;
    case PINDOWN_SOCKET_DISCONNECTED: return s->failure;
    case PINDOWN_SOCKET_CLOSED: return WSAENOTSOCK;
    default: return WSAENOTCONN;
    }
}

/* A socket that only its maker knows, with a handle of the switch's (spec C20, C21). */
struct san_socket *socket_make(LPINT error) {
    struct san_socket *s = calloc(1, sizeof *s);
    if (s == NULL || (s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        free(s);
        fail(error, WSAENOBUFS);
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->references = 1;
    s->nic = s->stream = -1;
    for (int i = 0; i < NICS; i++) s->listeners[i] = -1;
    s->state = PINDOWN_SOCKET_CREATED;
    s->last_reply = &s->replies;
    queue_init(&s->sends);
    queue_init(&s->answers);
    queue_init(&s->receives);
    pthread_mutex_lock(&provider.lock);
    s->descriptor = provider.next_descriptor += 4; /* never the same again */
    pthread_mutex_unlock(&provider.lock);
    INT code = 0;
    pindown_socket_record record = {.state = s->state, .adapter = PINDOWN_NO_ADAPTER};
    s->published = pindown_socket_publish(provider.cache, &record);
    s->handle = s->published < 0 ? INVALID_SOCKET
                                 : provider.upcalls.lpWPUCreateSocketHandle(
                                       0, (DWORD_PTR)s->descriptor, &code);
    if (s->handle == INVALID_SOCKET) {
        if (s->published >= 0) pindown_socket_withdraw((uint32_t)s->published);
        socket_release(s);
        fail(error, code != 0 ? code : WSAENOBUFS);
        return NULL;
    }
    pthread_mutex_lock(&provider.lock);
    s->next = provider.sockets;
    provider.sockets = s;
    pthread_mutex_unlock(&provider.lock);
    return s;
}

SOCKET WSPAPI san_socket(int family, int type, int protocol, LPWSAPROTOCOL_INFOW information,
                         GROUP group, DWORD flags, LPINT error) {
    (void)flags; /* every SAN socket is overlapped */
    int code = 0;
    if (!provider_is_started()) code = WSANOTINITIALISED;
    else if (family != AF_INET) code = WSAEAFNOSUPPORT;
    else if (type != SOCK_STREAM) code = WSAESOCKTNOSUPPORT;
    else if (protocol != 0 && protocol != IPPROTO_TCP) code = WSAEPROTONOSUPPORT;
    else if (group != 0) code = WSAEINVAL;
    if (code != 0) {
        fail(error, code);
        return INVALID_SOCKET;
    }
    struct san_socket *s = socket_make(error);
    if (s == NULL) return INVALID_SOCKET;
    SOCKET descriptor = s->descriptor;
    if (information != NULL && information->dwProviderReserved != 0 &&
        (code = handover_take(s, information->dwProviderReserved)) != 0) {
        san_close(descriptor, error);
        fail(error, code);
        return INVALID_SOCKET;
    }
    done(error);
    return descriptor;
}

int WSPAPI san_bind(SOCKET descriptor, const struct sockaddr *name, int length, LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return SOCKET_ERROR;
    const struct sockaddr_in *in = (const struct sockaddr_in *)name;
    int code = 0;
    if (name == NULL || length < (int)sizeof *in || in->sin_family != AF_INET) {
        code = WSAEFAULT;
    } else {
        uint32_t address = ntohl(in->sin_addr.s_addr);
        int nic = nic_of_address(address);
        pthread_mutex_lock(&s->lock);
        if (address != INADDR_ANY && nic < 0) code = WSAEADDRNOTAVAIL;
        else if (s->state != PINDOWN_SOCKET_CREATED) code = WSAEINVAL;
        if (code == 0) {
            s->state = PINDOWN_SOCKET_BOUND;
            s->nic = nic;
            s->address = address;
            s->port = ntohs(in->sin_port);
            socket_show(s);
        }
        pthread_mutex_unlock(&s->lock);
    }
    socket_release(s);
    return code == 0 ? done(error) : fail(error, code);
}

/* With the last connection of an adapter, what is cached for it goes (spec C60). */
void socket_count_connection(struct san_socket *s, bool opened) {
    pthread_mutex_lock(&provider.lock);
    bool changes = s->counted != opened;
    s->counted = opened;
    uint32_t left = changes ? (nics[s->nic].connections += opened ? 1u : -1u) : 1;
    pthread_mutex_unlock(&provider.lock);
    if (changes) nic_count(s->nic, PINDOWN_NIC_CONNECTIONS, opened ? 1 : -1);
#ifdef PINDOWN_MUTANT_CACHE_OUTLIVES
    left = 1;
#endif
    if (left == 0) pindown_cache_release_adapter(provider.cache, nics[s->nic].adapter);
}

int socket_start_thread(struct san_socket *s, int which, void *(*run)(void *)) {
    pthread_mutex_lock(&provider.lock);
    s->references++; /* the thread's */
    pthread_mutex_unlock(&provider.lock);
    if (pthread_create(&s->threads[which], NULL, run, s) != 0) {
        pthread_mutex_lock(&provider.lock);
        s->references--;
        pthread_mutex_unlock(&provider.lock);
        return WSAENOBUFS;
    }
    s->running[which] = true;
    return 0;
}

/* Waits until the socket's threads have ended: one that called us in an upcall ends afterwards. */
void socket_stop_threads(struct san_socket *s) {
    wake_receiver(s);
    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < 2; i++) {
        pthread_mutex_lock(&s->lock);
        bool was_running = s->running[i];
        s->running[i] = false;
        pthread_mutex_unlock(&s->lock);
        if (!was_running) continue;
        if (pthread_equal(s->threads[i], pthread_self())) pthread_detach(s->threads[i]);
        else pthread_join(s->threads[i], NULL);
    }
}

void socket_begin_connection(struct san_socket *s, int stream) {
    s->stream = stream;
    s->state = PINDOWN_SOCKET_CONNECTED;
    s->credits = MESSAGE_CREDITS;
    socket_show(s);
}

static bool take_out(struct san_socket *s) {
    pthread_mutex_lock(&provider.lock);
    struct san_socket **link = &provider.sockets;
    while (*link != NULL && *link != s) link = &(*link)->next;
    bool is_there = *link == s;
    if (is_there) *link = s->next;
    pthread_mutex_unlock(&provider.lock);
    return is_there;
}

/* Ends everything about a socket; false where another call does. The list's reference is the
   caller's to release. */
bool socket_close(struct san_socket *s) {
    if (!take_out(s)) return false;
    pthread_mutex_lock(&s->lock);
    s->ending = true;
    s->state = PINDOWN_SOCKET_CLOSED;
    s->selected = 0;
    if (s->stream >= 0) shutdown(s->stream, SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
    socket_stop_threads(s);
    listener_close(s);
#ifdef PINDOWN_MUTANT_UPCALL_AFTER_CLOSE
    INT early;
    provider.upcalls.lpWPUCloseSocketHandle(s->handle, &early);
#endif
    requests_abort(s, WSA_OPERATION_ABORTED);
    memory_release_all(s);
    if (s->stream >= 0) close(s->stream);
    if (s->counted) socket_count_connection(s, false);
    pindown_socket_withdraw((uint32_t)s->published);
#ifndef PINDOWN_MUTANT_UPCALL_AFTER_CLOSE
    INT ignored;
    provider.upcalls.lpWPUCloseSocketHandle(s->handle, &ignored);
#endif
    return true;
}

int WSPAPI san_close(SOCKET descriptor, LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return SOCKET_ERROR;
    bool is_ours = socket_close(s);
    if (is_ours) socket_release(s);
    socket_release(s);
    return is_ours ? done(error) : fail(error, WSAENOTSOCK);
}
