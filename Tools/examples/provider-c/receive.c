/* The thread of a connection that receives: it carries out what the peer asks for, and never waits
   but for the rest of a frame. All that comes is checked: a peer is not trusted. */
#include "provider.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

static _Thread_local char bytes[PIECE];

bool receive_all(int stream, void *buffer, size_t length) {
    char *next = buffer;
    while (length > 0) {
        ssize_t received = recv(stream, next, length, 0);
        if (received < 0 && errno == EINTR) continue;
        if (received <= 0) return false;
        next += received;
        length -= (size_t)received;
    }
    return true;
}

void wake_receiver(struct san_socket *s) {
    uint64_t one = 1;
    if (write(s->wake, &one, sizeof one) < 0) return; /* it is awake already */
}

/* Messages */

static int place(struct san_socket *s, struct message *m, struct request *r) {
    struct nic_entry *entries[MAX_BUFFERS];
    if (!request_enter(s, r, entries)) return WSAEFAULT;
    int code = m->length > r->length ? WSAEMSGSIZE : 0;
    if (code == 0 && request_copy(r, entries, 0, m->bytes, m->length, false) != 0)
        code = WSAEFAULT;
    request_leave(r, entries);
    return code;
}

/* Brings messages and receives together, one to one; a message that finds no memory stays. */
static void deliver(struct san_socket *s) {
    while (true) {
        pthread_mutex_lock(&s->lock);
        struct message *m = s->messages;
        struct request *r = m == NULL ? NULL : queue_take(&s->receives);
        bool is_over = m == NULL && s->state == PINDOWN_SOCKET_DISCONNECTED;
        int failure = s->failure;
        pthread_mutex_unlock(&s->lock);
        if (is_over) requests_abort(s, failure);
        if (r == NULL) return;
        int code = place(s, m, r);
        uint32_t length = code == 0 ? m->length : 0;
        if (code != WSAEFAULT) {
            pthread_mutex_lock(&s->lock);
            s->messages = m->next;
            s->message_count--;
            pthread_mutex_unlock(&s->lock);
            free(m);
            reply_add(s, (struct frame){.kind = CREDIT}, NULL, false);
            nic_count(s->nic, PINDOWN_NIC_RECEIVES, 1);
            nic_count(s->nic, PINDOWN_NIC_BYTES_IN, length);
        }
        request_complete(s, r, code, length);
    }
}

static bool take_message(struct san_socket *s, struct frame *frame) {
    if (frame->length > MAX_MESSAGE || s->message_count >= MESSAGE_CREDITS) return false;
    struct message *m = malloc(sizeof *m + frame->length);
    if (m == NULL) return false;
    m->next = NULL;
    m->length = frame->length;
    if (!receive_all(s->stream, m->bytes, m->length)) {
        free(m);
        return false;
    }
    pthread_mutex_lock(&s->lock);
    struct message **last = &s->messages;
    while (*last != NULL) last = &(*last)->next;
    *last = m;
    s->message_count++;
    pthread_mutex_unlock(&s->lock);
    return true;
}

/* RDMA that the peer asks for */

static struct registration *reached(struct san_socket *s, uint64_t key) {
#ifdef PINDOWN_MUTANT_ANY_CONNECTION
    for (struct san_socket *other = provider.sockets; other != NULL; other = other->next) {
        struct registration *r = memory_find(other, key);
        if (r != NULL) return r;
    }
#endif
    return memory_find(s, key);
}

/* The memory, in use from here on, or NULL: the peer may not do that. */
static struct registration *begin_access(struct san_socket *s, struct frame *frame,
                                         uint32_t access) {
    pthread_mutex_lock(&s->lock);
    struct registration *r = reached(s, frame->key);
    if (r != NULL && (frame->length > MAX_RDMA ||
                      !memory_allows(&r->descriptor, access, frame->offset, frame->length)))
        r = NULL;
    if (r != NULL) r->users++;
    pthread_mutex_unlock(&s->lock);
    return r;
}

static void end_access(struct san_socket *s, struct registration *r) {
    pthread_mutex_lock(&s->lock);
    if (r != NULL) r->users--;
    pthread_mutex_unlock(&s->lock);
}

enum outcome { NEXT, LOST, REFUSED };

static enum outcome take_write(struct san_socket *s, struct frame *frame) {
    struct registration *r = begin_access(s, frame, MEM_WRITE);
    struct nic_entry *entry = r == NULL ? NULL : memory_enter(s, r);
    enum outcome outcome = entry == NULL ? REFUSED : NEXT;
    uintptr_t address = r == NULL ? 0 : r->start + frame->offset;
    if (entry != NULL && address + frame->length > entry->end) outcome = REFUSED;
    for (uint32_t left = frame->length; outcome == NEXT && left > 0;) {
        uint32_t part = left < PIECE ? left : PIECE;
        if (!receive_all(s->stream, bytes, part)) outcome = LOST;
        else if (pindown_pages_write(provider.cache, entry->pages, address, bytes, part) != 0)
            outcome = REFUSED;
        address += part;
        left -= part;
    }
    if (entry != NULL) nic_leave(entry);
    end_access(s, r);
    if (outcome == NEXT) nic_count(s->nic, PINDOWN_NIC_BYTES_IN, frame->length);
    struct frame answer = {.kind = WRITE_DONE,
                           .id = frame->id,
                           .status = outcome == REFUSED ? WSAECONNABORTED : 0};
    if (outcome != LOST) reply_add(s, answer, NULL, outcome == REFUSED);
    return outcome;
}

static enum outcome take_read(struct san_socket *s, struct frame *frame) {
    struct registration *r = begin_access(s, frame, MEM_READ);
    struct frame answer = *frame;
    answer.kind = READ_DONE;
    answer.status = r == NULL ? WSAECONNABORTED : 0;
    if (r == NULL) answer.length = 0;
    reply_add(s, answer, r, r == NULL);
    return r == NULL ? REFUSED : NEXT;
}

/* Answers to RDMA of ours */

/* The request that the peer answers; NULL where it answers none. */
static struct request *answered(struct san_socket *s, struct frame *frame,
                                enum request_kind kind) {
    pthread_mutex_lock(&s->lock);
    /* The answer may be quicker than the end of our sending. */
    while (!s->ending && s->transmitting != NULL && s->transmitting->id == frame->id)
        pthread_cond_wait(&s->changed, &s->lock);
    struct request *r = queue_take_id(&s->answers, frame->id);
    if (r != NULL && r->kind != kind) {
        queue_add_first(&s->answers, r);
        r = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* The peer has refused: the request has failed, and the connection with it. */
static enum outcome refused(struct san_socket *s, struct request *r) {
    request_complete(s, r, WSAECONNABORTED, 0);
    connection_break(s, WSAECONNABORTED);
    return LOST;
}

static enum outcome end_write(struct san_socket *s, struct frame *frame) {
    struct request *r = answered(s, frame, RDMA_WRITE);
    if (r == NULL) return LOST;
    if (frame->status != 0) return refused(s, r);
    request_complete(s, r, 0, r->length);
    return NEXT;
}

static enum outcome end_read(struct san_socket *s, struct frame *frame) {
    struct request *r = answered(s, frame, RDMA_READ);
    if (r == NULL) return LOST;
    if (frame->status != 0) return refused(s, r);
    struct nic_entry *entries[MAX_BUFFERS];
    uint32_t length = r->length;
    bool is_here = frame->length == length;
    bool may_write = is_here && request_enter(s, r, entries);
    int code = may_write ? 0 : WSAEFAULT;
    for (uint32_t offset = 0; is_here && offset < length; offset += PIECE) {
        uint32_t part = length - offset < PIECE ? length - offset : PIECE;
        is_here = receive_all(s->stream, bytes, part);
        if (is_here && code == 0 && request_copy(r, entries, offset, bytes, part, false) != 0)
            code = WSAEFAULT;
    }
    if (may_write) request_leave(r, entries);
    pthread_mutex_lock(&s->lock);
    if (!is_here) queue_add_first(&s->answers, r);
    else if (s->reads > 0) s->reads--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (!is_here) return LOST;
    nic_count(s->nic, PINDOWN_NIC_BYTES_IN, length);
    request_complete(s, r, code, code == 0 ? length : 0);
    return NEXT;
}

static enum outcome take_frame(struct san_socket *s) {
    struct frame frame;
    if (!receive_all(s->stream, &frame, sizeof frame)) return LOST;
    switch (frame.kind) {
    case MESSAGE: return take_message(s, &frame) ? NEXT : LOST;
    case WRITE: return take_write(s, &frame);
    case READ: return take_read(s, &frame);
    case WRITE_DONE: return end_write(s, &frame);
    case READ_DONE: return end_read(s, &frame);
    case CREDIT:
        pthread_mutex_lock(&s->lock);
        if (s->credits < MESSAGE_CREDITS) s->credits++;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
        return NEXT;
    default: return LOST;
    }
}

void *receive(void *argument) {
    struct san_socket *s = argument;
    bool reads = true;
    while (true) {
        deliver(s);
        pthread_mutex_lock(&s->lock);
        bool is_over = s->ending || s->handing_over;
        int stream = reads && s->state == PINDOWN_SOCKET_CONNECTED ? s->stream : -1;
        pthread_mutex_unlock(&s->lock);
        if (is_over) break;
        struct pollfd fds[2] = {{stream, POLLIN, 0}, {s->wake, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0) continue;
        uint64_t count;
        if (fds[1].revents != 0 && read(s->wake, &count, sizeof count) < 0) continue;
        if (fds[0].revents == 0) continue;
        switch (take_frame(s)) {
        case NEXT: break;
        case LOST: connection_break(s, WSAECONNRESET); break;
        case REFUSED: reads = false; break; /* the transmitting thread says so, and hangs up */
        }
    }
    socket_release(s);
    return NULL;
}
