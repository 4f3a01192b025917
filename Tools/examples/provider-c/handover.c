/* WSPDuplicateSocket: a connection goes to another process. Its stream waits at an abstract Unix
   socket, whose name is the number in dwProviderReserved, for the process that was named. */
#include "provider.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Nobody takes it within this time: the connection is given up. */
#define HANDOVER_MILLISECONDS 30000

/* What the other process must know of a connection; the messages that came early follow. */
struct connection_state {
    uint32_t magic, nic, address, port, peer_address, peer_port, peer_pid, credits, messages;
};

struct handover {
    struct handover *next;
    uint32_t token, pid;
    int listener, cancel, stream;
    struct connection_state state;
    struct message *messages;
    pthread_t thread;
};

static socklen_t name_of(struct sockaddr_un *name, uint32_t token) {
    memset(name, 0, sizeof *name);
    name->sun_family = AF_UNIX;
    int length = snprintf(name->sun_path + 1, sizeof name->sun_path - 1,
                          "pindown-example/handover/%08x", token);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

/* Whether the process at the other end is the one meant (0: any), of this user. */
static bool is_peer(int stream, uint32_t pid) {
    struct ucred peer = {0};
    socklen_t length = sizeof peer;
    if (getsockopt(stream, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
    return peer.uid == geteuid() && (pid == 0 || (uint32_t)peer.pid == pid);
}

static void drop_messages(struct message *m) {
    while (m != NULL) {
        struct message *next = m->next;
        free(m);
        m = next;
    }
}

/* The old process */

static bool give(struct handover *h, int taker) {
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.header), &h->stream, sizeof h->stream);
    struct iovec vector = {&h->state, sizeof h->state};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    if (sendmsg(taker, &message, MSG_NOSIGNAL) != (ssize_t)sizeof h->state) return false;
    for (struct message *m = h->messages; m != NULL; m = m->next)
        if (!send_all(taker, &m->length, sizeof m->length) ||
            !send_all(taker, m->bytes, m->length))
            return false;
    return true;
}

static void *wait_for_taker(void *argument) {
    struct handover *h = argument;
    struct pollfd fds[2] = {{h->listener, POLLIN, 0}, {h->cancel, POLLIN, 0}};
    bool is_given = false;
    while (!is_given) {
        int ready = poll(fds, 2, HANDOVER_MILLISECONDS);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0 || fds[1].revents != 0) break;
        int taker = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC);
        if (taker < 0) continue;
        is_given = is_peer(taker, h->pid) && give(h, taker);
        close(taker);
    }
    if (!is_given) shutdown(h->stream, SHUT_RDWR);
    close(h->stream);
    close(h->listener); /* the value has worked once, or never will */
    drop_messages(h->messages);
    h->messages = NULL;
    return NULL;
}

/* Waits for what is under way, or cancels it; at the last cleanup. */
void handovers_end(void) {
    pthread_mutex_lock(&provider.lock);
    struct handover *all = provider.handovers;
    provider.handovers = NULL;
    pthread_mutex_unlock(&provider.lock);
    while (all != NULL) {
        struct handover *h = all;
        all = h->next;
        eventfd_write(h->cancel, 1);
        pthread_join(h->thread, NULL);
        close(h->cancel);
        free(h);
    }
}

static struct handover *handover_make(uint32_t pid) {
    struct handover *h = calloc(1, sizeof *h);
    if (h == NULL) return NULL;
    h->pid = pid;
    h->cancel = eventfd(0, EFD_CLOEXEC);
    h->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un name;
    do {
        if (getrandom(&h->token, sizeof h->token, 0) < 0) abort();
    } while (h->token == 0);
    socklen_t length = name_of(&name, h->token);
    if (h->cancel >= 0 && h->listener >= 0 &&
        bind(h->listener, (struct sockaddr *)&name, length) == 0 && listen(h->listener, 8) == 0)
        return h;
    if (h->cancel >= 0) close(h->cancel);
    if (h->listener >= 0) close(h->listener);
    free(h);
    return NULL;
}

/* Stops the socket between two frames, where only receives are pending. */
static int suspend(struct san_socket *s) {
    pthread_mutex_lock(&s->lock);
    int code = s->state == PINDOWN_SOCKET_CONNECTED ? 0 : socket_state_error(s);
    if (code == 0 && (s->sends.count + s->answers.count > 0 || s->transmitting != NULL))
        code = WSAEINVAL;
    if (code == 0) s->handing_over = true;
    pthread_mutex_unlock(&s->lock);
    if (code == 0) socket_stop_threads(s);
    return code;
}

/* Takes the connection out of the socket, whose receives end without data (spec C82). */
static int detach(struct san_socket *s, struct handover *h) {
    pthread_mutex_lock(&s->lock);
    s->handing_over = false;
    int code = socket_state_error(s);
    if (code == 0) {
        h->stream = s->stream;
        h->messages = s->messages;
        h->state = (struct connection_state){
            HELLO_MAGIC, (uint32_t)s->nic, s->address, s->port,          s->peer_address,
            s->peer_port, s->peer_pid,     s->credits, s->message_count,
        };
        s->stream = -1;
        s->messages = NULL;
        s->message_count = 0;
        s->state = PINDOWN_SOCKET_DISCONNECTED;
        s->failure = WSAENOTCONN;
    }
    pthread_mutex_unlock(&s->lock);
    while (code == 0) {
        pthread_mutex_lock(&s->lock);
        struct request *r = queue_take(&s->receives);
        pthread_mutex_unlock(&s->lock);
        if (r == NULL) break;
        request_complete(s, r, 0, 0);
    }
    return code;
}

int WSPAPI san_duplicate(SOCKET descriptor, DWORD pid, LPWSAPROTOCOL_INFOW information,
                         LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return SOCKET_ERROR;
    int code = information == NULL ? WSAEFAULT : 0;
    struct handover *h = code == 0 ? handover_make(pid) : NULL;
    if (code == 0 && h == NULL) code = WSAENOBUFS;
    if (code == 0) code = suspend(s);
    if (code == 0) code = detach(s, h);
    if (code == 0) {
        memory_release_all(s);
        socket_count_connection(s, false);
        memset(information, 0, sizeof *information);
        information->ProtocolChain.ChainLen = BASE_PROTOCOL;
        information->dwProviderFlags = PFL_HIDDEN;
        information->iVersion = 2;
        information->iAddressFamily = AF_INET;
        information->iMaxSockAddr = information->iMinSockAddr = sizeof(struct sockaddr_in);
        information->iSocketType = SOCK_STREAM;
        information->iProtocol = IPPROTO_TCP;
        information->dwProviderReserved = h->token;
        if (pthread_create(&h->thread, NULL, wait_for_taker, h) != 0) {
            close(h->stream);
            drop_messages(h->messages);
            code = WSAENOBUFS;
        }
    }
    if (code == 0) {
        pthread_mutex_lock(&provider.lock);
        h->next = provider.handovers;
        provider.handovers = h;
        pthread_mutex_unlock(&provider.lock);
    } else if (h != NULL) {
        close(h->listener);
        close(h->cancel);
        free(h);
    }
    socket_release(s);
    return code == 0 ? done(error) : fail(error, code);
}

/* The new process */

static int receive_state(int giver, struct connection_state *state) {
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec vector = {state, sizeof *state};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t length = recvmsg(giver, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    struct cmsghdr *header = length > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header == NULL || header->cmsg_type != SCM_RIGHTS) return -1;
    int stream;
    memcpy(&stream, CMSG_DATA(header), sizeof stream);
    if (length == (ssize_t)sizeof *state && state->magic == HELLO_MAGIC && state->nic < NICS &&
        state->messages <= MESSAGE_CREDITS)
        return stream;
    close(stream);
    return -1;
}

static bool receive_messages(int giver, uint32_t count, struct message **last) {
    for (uint32_t length; count > 0; count--) {
        if (!receive_all(giver, &length, sizeof length) || length > MAX_MESSAGE) return false;
        struct message *m = calloc(1, sizeof *m + length);
        if (m == NULL) return false;
        m->length = length;
        *last = m;
        last = &m->next;
        if (!receive_all(giver, m->bytes, length)) return false;
    }
    return true;
}

/* Makes a fresh socket the end of the connection that the number names (spec C83, C84). */
int handover_take(struct san_socket *s, uint32_t token) {
    struct sockaddr_un name;
    socklen_t length = name_of(&name, token);
    int giver = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (giver < 0) return WSAENOBUFS;
    struct connection_state state;
    struct message *messages = NULL;
    int stream = -1;
    if (connect(giver, (struct sockaddr *)&name, length) == 0 && is_peer(giver, 0))
        stream = receive_state(giver, &state);
    bool is_whole = stream >= 0 && receive_messages(giver, state.messages, &messages);
    close(giver);
    if (!is_whole) {
        if (stream >= 0) close(stream);
        drop_messages(messages);
        return WSAEINVAL;
    }
    pthread_mutex_lock(&s->lock);
    s->nic = (int)state.nic;
    s->address = state.address;
    s->port = (uint16_t)state.port;
    s->peer_address = state.peer_address;
    s->peer_port = (uint16_t)state.peer_port;
    s->peer_pid = state.peer_pid;
    s->messages = messages;
    s->message_count = state.messages;
    socket_begin_connection(s, stream);
    s->credits = state.credits;
    pthread_mutex_unlock(&s->lock);
    socket_count_connection(s, true);
    pthread_mutex_lock(&s->lock);
    int code = socket_start_thread(s, 0, receive);
    if (code == 0) code = socket_start_thread(s, 1, transmit);
    pthread_mutex_unlock(&s->lock);
    return code;
}
