/* The thread of a connection that sends: what was posted, in its order, and answers to the peer. It
   may wait for the peer to take what it sends; the receiving thread of the peer always does. */
#include "provider.h"

#include <errno.h>
#include <sys/socket.h>

bool send_all(int stream, const void *bytes, size_t length) {
    const char *next = bytes;
    while (length > 0) {
        ssize_t sent = send(stream, next, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        next += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* Owes the peer an answer. Of the receiving thread. */
void reply_add(struct san_socket *s, struct frame frame, struct registration *source,
               bool hang_up) {
    struct reply *reply = calloc(1, sizeof *reply);
    pthread_mutex_lock(&s->lock);
    /* A peer that asks, and never takes an answer, may not fill our memory. */
    if (reply == NULL || s->reply_count >= 4 * QUEUE_DEPTH) {
        if (source != NULL) source->users--;
        shutdown(s->stream, SHUT_RDWR);
        free(reply);
    } else {
        *reply = (struct reply){NULL, frame, source, hang_up};
        *s->last_reply = reply;
        s->last_reply = &reply->next;
        s->reply_count++;
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
}

static void end_use(struct san_socket *s, struct reply *reply, struct nic_entry *entry) {
    if (entry != NULL) nic_leave(entry);
    pthread_mutex_lock(&s->lock);
    if (reply->source != NULL) reply->source->users--;
    pthread_mutex_unlock(&s->lock);
}

/* Sends what the peer reads, from the pages that were registered. They are in use no more when the
   last of it is sent: the peer knows then that it has all, and may say so. */
static bool send_memory(struct san_socket *s, struct reply *reply, struct nic_entry *entry) {
    static _Thread_local char bytes[PIECE];
    uintptr_t address = reply->source->start + reply->frame.offset;
    uint32_t left = reply->frame.length;
    bool is_sent = left == 0 || send_all(s->stream, &reply->frame, sizeof reply->frame);
    while (is_sent && left > PIECE) {
        is_sent = pindown_pages_read(provider.cache, entry->pages, address, bytes, PIECE) == 0 &&
                  send_all(s->stream, bytes, PIECE);
        address += PIECE;
        left -= PIECE;
    }
    is_sent = is_sent &&
              pindown_pages_read(provider.cache, entry->pages, address, bytes, left) == 0;
    end_use(s, reply, entry);
    if (left == 0) return send_all(s->stream, &reply->frame, sizeof reply->frame);
    return is_sent && send_all(s->stream, bytes, left);
}

static void transmit_reply(struct san_socket *s, struct reply *reply) {
    struct nic_entry *entry = reply->source != NULL ? memory_enter(s, reply->source) : NULL;
    uint32_t length = reply->frame.length;
    bool is_sent;
    if (entry != NULL && reply->source->start + reply->frame.offset + length <= entry->end) {
        is_sent = send_memory(s, reply, entry);
        nic_count(s->nic, PINDOWN_NIC_BYTES_OUT, length);
    } else {
        end_use(s, reply, entry);
        if (reply->source != NULL) { /* the mapping has changed */
            reply->frame.length = 0;
            reply->frame.status = WSAECONNABORTED;
            reply->hang_up = true;
        }
        is_sent = send_all(s->stream, &reply->frame, sizeof reply->frame);
    }
    if (reply->hang_up) nic_count(s->nic, PINDOWN_NIC_PROTECTION_ERRORS, 1);
    if (!is_sent || reply->hang_up)
        connection_break(s, reply->hang_up ? WSAECONNABORTED : WSAECONNRESET);
    free(reply);
}

/* Sends a message or the data of an RDMA write. Returns 0, WSAEFAULT where nothing was sent because
   the memory has changed, or another error: then the connection is over. */
static int send_data(struct san_socket *s, struct request *r, struct frame *frame) {
    static _Thread_local char bytes[PIECE];
    struct nic_entry *entries[MAX_BUFFERS];
    if (!request_enter(s, r, entries)) return WSAEFAULT;
    int code = send_all(s->stream, frame, sizeof *frame) ? 0 : WSAECONNRESET;
    for (uint32_t offset = 0; code == 0 && offset < r->length; offset += PIECE) {
        uint32_t part = r->length - offset < PIECE ? r->length - offset : PIECE;
        if (request_copy(r, entries, offset, bytes, part, true) != 0) code = WSAECONNABORTED;
        else if (!send_all(s->stream, bytes, part)) code = WSAECONNRESET;
    }
    request_leave(r, entries);
    nic_count(s->nic, PINDOWN_NIC_BYTES_OUT, r->length);
    return code;
}

static void transmit_request(struct san_socket *s, struct request *r) {
    struct frame frame = {.id = r->id,
                          .length = r->length,
                          .key = r->remote.key,
                          .offset = r->offset,
                          .kind = r->kind == SEND         ? MESSAGE
                                  : r->kind == RDMA_WRITE ? WRITE
                                                          : READ};
    enum request_kind kind = r->kind;
    uint32_t length = r->length;
    int code;
    if (kind == RDMA_READ) code = send_all(s->stream, &frame, sizeof frame) ? 0 : WSAECONNRESET;
    else code = send_data(s, r, &frame);
    pthread_mutex_lock(&s->lock);
    s->transmitting = NULL;
    if (code == 0 && kind != SEND) queue_add(&s->answers, r);
    else if (code != 0 && code != WSAEFAULT) queue_add_first(&s->sends, r);
    if (code == WSAEFAULT && kind == SEND) s->credits++;
    if (code == WSAEFAULT && kind == RDMA_READ) s->reads--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (code == 0)
        nic_count(s->nic,
                  kind == SEND         ? PINDOWN_NIC_SENDS
                  : kind == RDMA_WRITE ? PINDOWN_NIC_RDMA_WRITES
                                       : PINDOWN_NIC_RDMA_READS,
                  1);
    if (code == 0 && kind == SEND) request_complete(s, r, 0, length);
    else if (code == WSAEFAULT) request_complete(s, r, WSAEFAULT, 0);
    else if (code != 0) connection_break(s, code);
}

/* A message waits until the peer has room, and until what was read before has come (spec C70). */
static bool is_ready(struct san_socket *s) {
    struct request *r = s->sends.first;
    if (s->replies != NULL) return true;
    return r != NULL && (r->kind != SEND || (s->credits > 0 && s->reads == 0));
}

static bool is_over(struct san_socket *s) {
    return s->ending || s->state != PINDOWN_SOCKET_CONNECTED ||
           (s->handing_over && s->replies == NULL);
}

void *transmit(void *argument) {
    struct san_socket *s = argument;
    pthread_mutex_lock(&s->lock);
    while (true) {
        while (!is_over(s) && !is_ready(s)) pthread_cond_wait(&s->changed, &s->lock);
        if (is_over(s)) break;
        struct reply *reply = s->replies;
        if (reply != NULL) {
            s->replies = reply->next;
            if (s->replies == NULL) s->last_reply = &s->replies;
            s->reply_count--;
        } else {
            s->transmitting = queue_take(&s->sends);
            if (s->transmitting->kind == SEND) s->credits--;
            if (s->transmitting->kind == RDMA_READ) s->reads++;
        }
        struct request *request = s->transmitting;
        pthread_mutex_unlock(&s->lock);
        if (reply != NULL) transmit_reply(s, reply);
        else transmit_request(s, request);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    socket_release(s);
    return NULL;
}
