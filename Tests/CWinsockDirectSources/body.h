/* The same source for both languages, as a Windows provider would have it: the C library's socket
   headers come first in one and last in the other. */
#ifndef BODY_H
#define BODY_H

static const GUID guids[] = {
    WSAID_REGISTERMEMORY,     WSAID_DEREGISTERMEMORY,
    WSAID_REGISTERRDMAMEMORY, WSAID_DEREGISTERRDMAMEMORY,
    WSAID_RDMAWRITE,          WSAID_RDMAREAD,
    WSAID_MEMORYREGISTRATIONCACHECALLBACK,
};

static unsigned guid(int index) {
    int count = (int)(sizeof guids / sizeof *guids);
    return index >= 0 && index < count ? guids[index].Data1 : 0;
}

static int WSPAPI bind_function(SOCKET s, const struct sockaddr *name, int namelen, LPINT lpErrno) {
    *lpErrno = s == INVALID_SOCKET && name->sa_family == AF_INET ? namelen : 0;
    return SOCKET_ERROR;
}

static int calls(void) {
    WSPPROC_TABLE table = {0};
    SOCKADDR_IN address = {0};
    GUID named = WSAID_RDMAREAD;
    INT error = 0;
    table.lpWSPBind = bind_function;
    address.sin_family = AF_INET;
    if (table.lpWSPBind(INVALID_SOCKET, (const struct sockaddr *)&address, 16, &error) == 0) {
        return 0;
    }
    return error == 16 && named.Data1 == guids[5].Data1 && SOL_SOCKET == 0xFFFF;
}

#endif
