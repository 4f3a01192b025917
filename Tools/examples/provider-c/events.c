/* WSPEventSelect and WSPEnumNetworkEvents: how the switch hears of callers and of its own connects. */
#include "provider.h"

/* Notes down what has happened, and signals the event where it was selected. */
void event_record(struct san_socket *s, int32_t event) {
    pthread_mutex_lock(&s->lock);
    s->recorded |= event;
    WSAEVENT signalled = s->selected & event ? s->event : WSA_INVALID_EVENT;
    pthread_mutex_unlock(&s->lock);
    INT ignored;
    if (signalled != WSA_INVALID_EVENT) provider.upcalls.lpWPUSetEvent(signalled, &ignored);
}

int WSPAPI san_event_select(SOCKET descriptor, WSAEVENT event, LONG events, LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return SOCKET_ERROR;
    int code = 0;
    if ((events & ~(FD_ACCEPT | FD_CONNECT)) != 0) code = WSAEINVAL;
    if (events != 0 && event == WSA_INVALID_EVENT) code = WSAEINVAL;
    if (code == 0) {
        pthread_mutex_lock(&s->lock);
        s->event = event;
        s->selected = events;
        int32_t due = s->recorded & events;
        pthread_mutex_unlock(&s->lock);
        if (due != 0) event_record(s, due);
    }
    socket_release(s);
    return code == 0 ? done(error) : fail(error, code);
}

int WSPAPI san_enum_events(SOCKET descriptor, WSAEVENT event, LPWSANETWORKEVENTS events,
                           LPINT error) {
    struct san_socket *s = socket_find(descriptor, error);
    if (s == NULL) return SOCKET_ERROR;
    if (events == NULL) {
        socket_release(s);
        return fail(error, WSAEFAULT);
    }
    /* Reset first: what is recorded after that signals it again. */
    INT ignored;
    if (event != WSA_INVALID_EVENT) provider.upcalls.lpWPUResetEvent(event, &ignored);
    memset(events, 0, sizeof *events);
    pthread_mutex_lock(&s->lock);
    events->lNetworkEvents = s->recorded & s->selected;
    events->iErrorCode[FD_CONNECT_BIT] = s->recorded & FD_CONNECT ? s->connect_error : 0;
    s->recorded &= ~events->lNetworkEvents;
    pthread_mutex_unlock(&s->lock);
    socket_release(s);
    return done(error);
}
