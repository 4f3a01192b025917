/* WSPSend, WSPRecv, WSPRdmaWrite and WSPRdmaRead: they check and queue, and never wait. And how
   requests end. */
#include "provider.h"

/* Queues; all under the socket's lock */

void queue_init(struct queue *q) {
    q->first = NULL;
    q->last = &q->first;
    q->count = 0;
}
void queue_add(struct queue *q, struct request *r) {
    r->next = NULL;
    *q->last = r;
    q->last = &r->next;
    q->count++;
}
void queue_add_first(struct queue *q, struct request *r) {
    r->next = q->first;
    if (q->first == NULL) q->last = &r->next;
    q->first = r;
    q->count++;
}
static struct request *queue_unlink(struct queue *q, struct request **link) {
    struct request *r = *link;
    *link = r->next;
    if (q->last == &r->next) q->last = link;
    q->count--;
    return r;
}
struct request *queue_take(struct queue *q) {
    return q->first == NULL ? NULL : queue_unlink(q, &q->first);
}
struct request *queue_take_id(struct queue *q, uint64_t id) {
    for (struct request **link = &q->first; *link != NULL; link = &(*link)->next)
        if ((*link)->id == id) return queue_unlink(q, link);
    return NULL;
}

/* The end of a request. Its memory is free before anybody hears of it (spec 5.5). Any thread, with no
   lock held. */
void request_complete(struct san_socket *s, struct request *r, int error, uint32_t length) {
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < r->count; i++)
        if (r->pieces[i].registration != NULL) r->pieces[i].registration->users--;
    socket_show(s);
    pthread_mutex_unlock(&s->lock);
    LPWSAOVERLAPPED overlapped = r->overlapped;
    free(r);
    overlapped->OffsetHigh = (DWORD)error;
    overlapped->Offset = 0;
    if ((uintptr_t)overlapped->hEvent & 1) { /* polled: nobody else ends it */
        overlapped->InternalHigh = length;
        __atomic_store_n(&overlapped->Internal, (ULONG_PTR)error, __ATOMIC_RELEASE);
        return;
    }
    INT ignored;
    provider.upcalls.lpWPUCompleteOverlappedRequest(s->handle, overlapped, (DWORD)error, length,
                                                    &ignored);
#ifdef PINDOWN_MUTANT_COMPLETES_TWICE
    provider.upcalls.lpWPUCompleteOverlappedRequest(s->handle, overlapped, (DWORD)error, length,
                                                    &ignored);
#endif
}

/* What is queued for the peer, and the messages that nobody will receive any more. */
static void drop_queued(struct san_socket *s) {
    while (s->replies != NULL) {
        struct reply *reply = s->replies;
        s->replies = reply->next;
        if (reply->source != NULL) reply->source->users--;
        free(reply);
    }
    s->last_reply = &s->replies;
    s->reply_count = 0;
    while (s->ending && s->messages != NULL) {
        struct message *m = s->messages;
        s->messages = m->next;
        free(m);
    }
}

/* One at a time, the oldest first: the switch may close the socket in the upcall. */
void requests_abort(struct san_socket *s, int error) {
    while (true) {
        pthread_mutex_lock(&s->lock);
        drop_queued(s);
        s->reads = 0;
        struct request *r = queue_take(&s->answers);
        if (r == NULL) r = queue_take(&s->sends);
        if (r == NULL) r = queue_take(&s->receives);
        pthread_mutex_unlock(&s->lock);
        if (r == NULL) return;
        request_complete(s, r, error, 0);
    }
}

/* The connection is over, by no doing of ours: from a thread of the socket. */
void connection_break(struct san_socket *s, int failure) {
    pthread_mutex_lock(&s->lock);
    bool was_connected = s->state == PINDOWN_SOCKET_CONNECTED;
    if (was_connected) {
        s->state = PINDOWN_SOCKET_DISCONNECTED;
        s->failure = failure;
        shutdown(s->stream, SHUT_RDWR);
        socket_show(s);
    }
    failure = s->failure;
    bool is_ending = s->ending;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (is_ending) return; /* who closes aborts what is pending */
    if (was_connected) nic_count(s->nic, PINDOWN_NIC_ERRORS, 1);
    requests_abort(s, failure);
}

/* Memory of requests */

bool request_enter(struct san_socket *s, struct request *r, struct nic_entry **entries) {
    for (uint32_t i = 0; i < r->count; i++) {
        entries[i] = NULL;
        if (r->pieces[i].length == 0) continue;
        entries[i] = memory_enter(s, r->pieces[i].registration);
        if (entries[i] != NULL) continue;
        while (i-- > 0)
            if (entries[i] != NULL) nic_leave(entries[i]);
        return false;
    }
    return true;
}

void request_leave(struct request *r, struct nic_entry **entries) {
    for (uint32_t i = 0; i < r->count; i++)
        if (entries[i] != NULL) nic_leave(entries[i]);
}

int request_copy(struct request *r, struct nic_entry **entries, uint32_t offset, char *bytes,
                 uint32_t length, bool out) {
    for (uint32_t i = 0; i < r->count && length > 0; i++) {
        struct piece *p = &r->pieces[i];
        if (offset >= p->length) {
            offset -= p->length;
            continue;
        }
        uint32_t part = p->length - offset < length ? p->length - offset : length;
        uintptr_t address = p->address + offset;
        int code = out ? pindown_pages_read(provider.cache, entries[i]->pages, address, bytes, part)
                       : pindown_pages_write(provider.cache, entries[i]->pages, address, bytes,
                                             part);
        if (code != 0) return code;
        bytes += part;
        length -= part;
        offset = 0;
    }
    return 0;
}

/* Posting */

/* Adds a buffer to a request; with the lock. The memory is in use from here on. */
static int add_piece(struct request *r, struct registration *found, const void *buffer,
                     uint32_t length, uint32_t access) {
    uintptr_t start = (uintptr_t)buffer;
    if (length > 0 && (start < found->start ||
                       !memory_allows(&found->descriptor, access, start - found->start, length)))
        return WSAEFAULT;
    if (r->length + (uint64_t)length > UINT32_MAX) return WSAEMSGSIZE;
    r->pieces[r->count++] = (struct piece){found, start, length};
    r->length += length;
    found->users++;
    return 0;
}

static int collect(struct san_socket *s, struct request *r, LPWSABUF buffers, DWORD count,
                   uint32_t access) {
    for (DWORD i = 0; i < count; i++) {
        uintptr_t start = (uintptr_t)buffers[i].buf;
        if (buffers[i].len == 0) continue;
        struct registration *found = memory_containing(s, start, buffers[i].len, access);
        if (found == NULL) return WSAEFAULT;
        int code = add_piece(r, found, buffers[i].buf, buffers[i].len, access);
        if (code != 0) return code;
    }
    return 0;
}

static int collect_handles(struct san_socket *s, struct request *r, LPWSABUFEX buffers, DWORD count,
                           uint32_t access) {
    for (DWORD i = 0; i < count; i++) {
        struct registration *found = memory_of_handle(s, buffers[i].handle);
        if (found == NULL) return WSAEINVAL;
        int code = add_piece(r, found, buffers[i].buf, buffers[i].len, access);
        if (code != 0) return code;
    }
    return 0;
}

static int check(struct request *r) {
    switch (r->kind) {
    case SEND: return r->length > MAX_MESSAGE ? WSAEMSGSIZE : 0;
    case RECEIVE: return 0;
    default: break;
    }
    if (r->length > MAX_RDMA) return WSAEMSGSIZE;
    uint32_t access = r->kind == RDMA_WRITE ? MEM_WRITE : MEM_READ;
    return memory_allows(&r->remote, access, r->offset, r->length) ? 0 : WSAEINVAL;
}

/* Queues a request, or says why not; then nothing has begun. With the lock. */
static int queue_request(struct san_socket *s, struct request *r, int code) {
    struct queue *queue = r->kind == RECEIVE ? &s->receives : &s->sends;
    unsigned pending = r->kind == RECEIVE
                           ? queue->count
                           : queue->count + s->answers.count + (s->transmitting != NULL);
    if (code == 0) code = check(r);
    if (code == 0 && pending >= QUEUE_DEPTH) code = WSAENOBUFS;
    if (code != 0) {
        for (uint32_t i = 0; i < r->count; i++) r->pieces[i].registration->users--;
        return code;
    }
    r->overlapped->InternalHigh = 0;
    r->overlapped->Offset = r->overlapped->OffsetHigh = 0;
    __atomic_store_n(&r->overlapped->Internal, WSS_OPERATION_IN_PROGRESS, __ATOMIC_RELEASE);
    r->id = ++s->next_id;
    queue_add(queue, r);
    socket_show(s);
    pthread_cond_broadcast(&s->changed);
    return 0;
}

/* What the four have in common: exactly one of the arrays is there. */
static int post(SOCKET descriptor, struct request *r, LPWSABUF plain, LPWSABUFEX with_handles,
                DWORD count, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, int code, LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) {
        free(r);
        return SOCKET_ERROR;
    }
    if (r == NULL) code = WSAENOBUFS;
    pthread_mutex_lock(&s->lock);
    int state = socket_state_error(s);
    /* What has arrived before the end can still be received. */
    if (r != NULL && r->kind == RECEIVE && s->messages != NULL && !s->ending &&
        s->state == PINDOWN_SOCKET_DISCONNECTED)
        state = 0;
    if (state != 0) code = state;
    if (code == 0 && count > MAX_BUFFERS) code = WSAEINVAL;
    if (code == 0 && count > 0 && plain == NULL && with_handles == NULL) code = WSAEFAULT;
    if (code == 0 && r->overlapped == NULL) code = WSAEINVAL;
    if (code == 0 && routine != NULL) code = WSAEOPNOTSUPP;
    if (code == 0) {
        uint32_t access = r->kind == SEND || r->kind == RDMA_WRITE ? MEM_READ : MEM_WRITE;
        code = r->kind == SEND || r->kind == RECEIVE
                   ? collect(s, r, plain, count, access)
                   : collect_handles(s, r, with_handles, count, access);
        code = queue_request(s, r, code);
        if (code == 0 && r->kind == RECEIVE) wake_receiver(s);
        if (code == 0) r = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    free(r);
    socket_release(s);
    return fail(error, code == 0 ? WSA_IO_PENDING : code);
}

static struct request *make(enum request_kind kind, LPWSAOVERLAPPED overlapped) {
    struct request *r = calloc(1, sizeof *r);
    if (r == NULL) return NULL;
    r->kind = kind;
    r->overlapped = overlapped;
    return r;
}

int WSPAPI san_send(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags,
                    LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                    LPWSATHREADID thread, LPINT error) {
    (void)sent, (void)thread;
    return post(s, make(SEND, overlapped), buffers, NULL, count, routine,
                flags != 0 ? WSAEOPNOTSUPP : 0, error);
}

int WSPAPI san_receive(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                       LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                       LPWSATHREADID thread, LPINT error) {
    (void)received, (void)thread;
    return post(s, make(RECEIVE, overlapped), buffers, NULL, count, routine,
                flags == NULL ? WSAEFAULT : *flags != 0 ? WSAEOPNOTSUPP : 0, error);
}

static int rdma(enum request_kind kind, SOCKET s, LPWSABUFEX buffers, DWORD count, LPVOID target,
                DWORD target_length, DWORD offset, DWORD flags, LPWSAOVERLAPPED overlapped,
                LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPINT error) {
    struct request *r = make(kind, overlapped);
    int code = target == NULL || target_length < sizeof r->remote || flags != 0 ? WSAEINVAL : 0;
#ifdef PINDOWN_MUTANT_DESCRIPTOR_LENGTH
    if (target_length != sizeof r->remote) code = WSAEINVAL;
#endif
    if (r != NULL && code == 0) memcpy(&r->remote, target, sizeof r->remote);
    if (r != NULL) r->offset = offset;
    return post(s, r, NULL, buffers, count, routine, code, error);
}

int WSPAPI san_rdma_write(SOCKET s, LPWSABUFEX buffers, DWORD count, LPVOID target,
                          DWORD target_length, DWORD offset, LPDWORD written, DWORD flags,
                          LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                          LPWSATHREADID thread, LPINT error) {
    (void)written, (void)thread;
    return rdma(RDMA_WRITE, s, buffers, count, target, target_length, offset, flags, overlapped,
                routine, error);
}

int WSPAPI san_rdma_read(SOCKET s, LPWSABUFEX buffers, DWORD count, LPVOID target,
                         DWORD target_length, DWORD offset, LPDWORD read, DWORD flags,
                         LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                         LPWSATHREADID thread, LPINT error) {
    (void)read, (void)thread;
    return rdma(RDMA_READ, s, buffers, count, target, target_length, offset, flags, overlapped,
                routine, error);
}

/* Waiting for an event is the switch's business: an event is opaque here. */
BOOL WSPAPI san_overlapped_result(SOCKET descriptor, LPWSAOVERLAPPED overlapped, LPDWORD length,
                                  BOOL wait, LPDWORD flags, LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
#ifdef PINDOWN_MUTANT_RESULT_ON_FAILURE
    if (s == NULL) return SOCKET_ERROR;
#endif
    if (s == NULL) return FALSE;
    socket_release(s);
    int code = 0;
    if (overlapped == NULL || length == NULL || flags == NULL) {
        code = WSAEFAULT;
    } else if (__atomic_load_n(&overlapped->Internal, __ATOMIC_ACQUIRE) ==
               WSS_OPERATION_IN_PROGRESS) {
        code = wait ? WSAEINVAL : WSA_IO_INCOMPLETE;
    } else {
        *flags = overlapped->Offset;
        code = (int)overlapped->OffsetHigh;
#ifdef PINDOWN_MUTANT_RESULT_ON_FAILURE
        *length = (DWORD)overlapped->InternalHigh;
#endif
        if (code == 0) *length = (DWORD)overlapped->InternalHigh;
    }
    if (code != 0) {
        fail(error, code);
        return FALSE;
    }
    done(error);
    return TRUE;
}
