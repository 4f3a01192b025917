/* Registered memory: what each registering call gave, over the cache; and the cache's callback. */
#include "provider.h"

#include <errno.h>
#include <sys/random.h>

static _Atomic uint64_t next_handle = 1;

/* Lets a transfer into a registration; NULL where its mapping has changed. */
struct nic_entry *memory_enter(struct san_socket *s, struct registration *r) {
    uint32_t key;
    if (pindown_cache_key(provider.cache, r->region, nics[s->nic].adapter, &key) != 0) {
#ifdef PINDOWN_MUTANT_CRASH_AFTER_FLUSH
        key = *(volatile uint32_t *)NULL;
#endif
        return NULL;
    }
    return nic_enter(s->nic, key);
}

/* Whether what was given out includes this access (spec C47, C50, C68). */
bool memory_allows(const struct descriptor *d, uint32_t access, uint64_t offset, uint64_t length) {
#ifdef PINDOWN_MUTANT_WIDER_ACCESS
    access = d->access;
#endif
    if ((d->access & access) != access) return false;
#ifdef PINDOWN_MUTANT_NO_BOUNDS
    return offset + length <= ((uint64_t)d->length + 4095) / 4096 * 4096;
#endif
    return offset + length <= d->length;
}

struct registration *memory_find(struct san_socket *s, uint64_t key) {
    struct registration *r = s->registrations;
    while (r != NULL && (r->handle != NULL || r->descriptor.key != key)) r = r->next;
    return r;
}

struct registration *memory_of_handle(struct san_socket *s, HANDLE handle) {
    struct registration *r = s->registrations;
    while (r != NULL && (handle == NULL || r->handle != handle)) r = r->next;
    return r;
}

struct registration *memory_containing(struct san_socket *s, uintptr_t start, uint32_t length,
                                       uint32_t access) {
    for (struct registration *r = s->registrations; r != NULL; r = r->next) {
        if (r->handle == NULL || start < r->start) continue;
        if (memory_allows(&r->descriptor, access, start - r->start, length)) return r;
    }
    return NULL;
}

static struct registration *unlink_registration(struct san_socket *s, struct registration *r) {
    struct registration **link = &s->registrations;
    while (*link != r) link = &(*link)->next;
    *link = r->next;
    return r;
}

static void drop(struct registration *r) {
    pindown_use_withdraw((uint32_t)r->use);
    pindown_cache_release(provider.cache, r->region);
    free(r);
}

void memory_release_all(struct san_socket *s) {
    pthread_mutex_lock(&s->lock);
    struct registration *all = s->registrations;
    s->registrations = NULL;
    pthread_mutex_unlock(&s->lock);
    while (all != NULL) {
        struct registration *r = all;
        all = r->next;
        drop(r);
    }
}

static int error_of(int code) {
    return code == -EFAULT || code == -EINVAL ? WSAEFAULT : WSAENOBUFS;
}

/* Registers for a socket; NULL and the error where it is not possible. */
static struct registration *make(struct san_socket *s, PVOID buffer, DWORD length, DWORD access,
                                 bool exposed, LPINT error) {
    pthread_mutex_lock(&s->lock);
    int code = socket_state_error(s);
    int nic = s->nic;
    pthread_mutex_unlock(&s->lock);
    if (code == 0 && (access < MEM_READ || access > MEM_READWRITE)) code = WSAEINVAL;
    if (code == 0 && (buffer == NULL || length == 0)) code = WSAEFAULT;
    struct registration *r = calloc(1, sizeof *r);
    if (code == 0 && r == NULL) code = WSAENOBUFS;
    if (code == 0) {
        int refused = pindown_cache_register(provider.cache, buffer, length, access,
                                             nics[nic].adapter, &r->region);
        if (refused != 0) code = error_of(refused);
    }
    if (code != 0) {
        free(r);
        fail(error, code);
        return NULL;
    }
    r->start = (uintptr_t)buffer;
    r->length = length;
    r->access = access;
    r->descriptor.length = length;
    r->descriptor.access = access;
    if (exposed) {
        if (getrandom(&r->descriptor.key, sizeof r->descriptor.key, 0) < 0) abort();
#ifdef PINDOWN_MUTANT_POINTER_ON_WIRE
        r->descriptor.key = (uintptr_t)r;
#endif
    } else {
        r->handle = (HANDLE)(uintptr_t)(atomic_fetch_add(&next_handle, 1) << 4);
    }
    r->use = pindown_use_publish((uint32_t)s->published, r->region, buffer, length, access,
                                 nics[nic].adapter,
                                 exposed ? (uint32_t)r->descriptor.key | 1 : 0);
    pthread_mutex_lock(&s->lock);
    code = socket_state_error(s);
    if (code == 0) {
        r->next = s->registrations;
        s->registrations = r;
    }
    pthread_mutex_unlock(&s->lock);
    if (code != 0) { /* it ended meanwhile, and nobody would release it */
        drop(r);
        fail(error, code);
        return NULL;
    }
    return r;
}

/* Takes out what nothing uses, and releases it. */
static int end(struct san_socket *s, struct registration *r, LPINT error) {
    bool is_free = r != NULL && r->users == 0;
#ifdef PINDOWN_MUTANT_NO_VALIDATION
    is_free = r != NULL;
    if (r == NULL) {
        pthread_mutex_unlock(&s->lock);
        return done(error);
    }
#endif
    if (is_free) unlink_registration(s, r);
    pthread_mutex_unlock(&s->lock);
    if (!is_free) return fail(error, WSAEINVAL);
    drop(r);
    return done(error);
}

HANDLE WSPAPI san_register(SOCKET descriptor, PVOID buffer, DWORD length, DWORD access,
                           LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return NULL;
    struct registration *r = make(s, buffer, length, access, false, error);
    HANDLE handle = r == NULL ? NULL : r->handle;
    if (r != NULL) done(error);
    socket_release(s);
    return handle;
}

int WSPAPI san_deregister(SOCKET descriptor, HANDLE handle, LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return SOCKET_ERROR;
    pthread_mutex_lock(&s->lock);
    int result = end(s, memory_of_handle(s, handle), error);
    socket_release(s);
    return result;
}

/* The room for the descriptor is looked at first: the switch asks for the size (spec 4.4). */
int WSPAPI san_register_rdma(SOCKET descriptor, PVOID buffer, DWORD length, DWORD access,
                             LPVOID bytes, LPDWORD room, LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return SOCKET_ERROR;
    int result = SOCKET_ERROR;
    struct registration *r = NULL;
    if (room != NULL && *room < sizeof(struct descriptor)) {
        *room = sizeof(struct descriptor);
        fail(error, WSAEFAULT);
    } else if (room == NULL || bytes == NULL) {
        fail(error, WSAEFAULT);
    } else if ((r = make(s, buffer, length, access, true, error)) != NULL) {
        memcpy(bytes, &r->descriptor, sizeof r->descriptor);
#ifndef PINDOWN_MUTANT_DESCRIPTOR_LENGTH
        *room = sizeof(struct descriptor);
#endif
        result = done(error);
    }
    socket_release(s);
    return result;
}

int WSPAPI san_deregister_rdma(SOCKET descriptor, LPVOID bytes, DWORD length, LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return SOCKET_ERROR;
    struct descriptor d;
    int result;
    if (bytes == NULL || length < sizeof d) {
        result = fail(error, WSAEINVAL);
    } else {
        memcpy(&d, bytes, sizeof d);
        pthread_mutex_lock(&s->lock);
        struct registration *r = memory_find(s, d.key);
#ifdef PINDOWN_MUTANT_POINTER_ON_WIRE
        r = (struct registration *)(uintptr_t)d.key;
        d = r->descriptor;
#endif
        if (r != NULL && memcmp(&r->descriptor, &d, sizeof d) != 0) r = NULL;
#ifdef PINDOWN_MUTANT_KEY_OUTLIVES_DEREGISTER
        pthread_mutex_unlock(&s->lock);
        result = r == NULL ? fail(error, WSAEINVAL) : done(error);
#else
        result = end(s, r, error);
#endif
    }
    socket_release(s);
    return result;
}

#if defined PINDOWN_MUTANT_PARTIAL_OVERLAP
static int invalidate(uintptr_t start, size_t length) {
    int result = 0;
    for (int nic = 0; nic < NICS; nic++)
        for (int i = 0; i < REGISTRATIONS_PER_NIC; i++) {
            struct nic_entry *entry = &nics[nic].entries[i];
            if (nic_is_open_in(entry, start, start + length) && entry->start >= start &&
                entry->end <= start + length)
                result = pindown_cache_invalidate(provider.cache, (void *)entry->start,
                                                  entry->end - entry->start);
        }
    return result;
}
#elif defined PINDOWN_MUTANT_FORGETS_NIC
static int invalidate(uintptr_t start, size_t length) {
    bool is_at_other = false;
    for (int i = 0; i < REGISTRATIONS_PER_NIC; i++)
        is_at_other |= nic_is_open_in(&nics[1].entries[i], start, start + length);
    if (!is_at_other) return pindown_cache_invalidate(provider.cache, (void *)start, length);
    for (int i = 0; i < REGISTRATIONS_PER_NIC; i++)
        if (nic_is_open_in(&nics[0].entries[i], start, start + length))
            nic_close(&nics[0].entries[i]);
    return 0;
}
#else
static int invalidate(uintptr_t start, size_t length) {
    return pindown_cache_invalidate(provider.cache, (void *)start, length);
}
#endif

/* Hook context: it may run inside malloc, in a signal handler, under any lock. */
int WSPAPI san_cache_callback(LPVOID address, SIZE_T length, LPINT error) {
    if (!provider_is_started()) return fail(error, WSANOTINITIALISED);
#ifdef PINDOWN_MUTANT_MALLOC_IN_CALLBACK
    void *volatile allocated = malloc(64);
    free(allocated);
#endif
#ifdef PINDOWN_MUTANT_IDLE_CALLBACK
    return done(error);
#endif
    int result = invalidate((uintptr_t)address, length);
#ifdef PINDOWN_MUTANT_ALWAYS_SUCCEEDS
    return 0;
#endif
    if (result == 0) return done(error);
    return fail(error, result == -EBUSY ? WSAEFAULT : WSAEINVAL);
}
