/* A library that is a provider only by name: it passes WSPStartupEx on. So a test's process has the
   memfd provider that is linked into it loaded by the switch, as any other is. What the test takes
   away from it, it answers itself. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <ws2san.h>

static LPWSPSTARTUPEX target;
static WSPPROC_TABLE functions;
static LPFN_WSPREGISTERMEMORY register_memory;
static LPFN_WSPREGISTERRDMAMEMORY register_rdma_memory;
static _Atomic int reads = 1;
static _Atomic size_t most = SIZE_MAX;

void forwarding_aim(LPWSPSTARTUPEX function) { target = function; }

void forwarding_limit(int has_read, size_t bytes) {
    reads = has_read;
    most = bytes;
}

static HANDLE limited_memory(SOCKET s, PVOID buffer, DWORD length, DWORD flags, LPINT error) {
    if (length > most) {
        *error = WSAENOBUFS;
        return NULL;
    }
    return register_memory(s, buffer, length, flags, error);
}

static int limited_rdma_memory(SOCKET s, PVOID buffer, DWORD length, DWORD flags, LPVOID descriptor,
                               LPDWORD room, LPINT error) {
    if (length > most) {
        *error = WSAENOBUFS;
        return SOCKET_ERROR;
    }
    return register_rdma_memory(s, buffer, length, flags, descriptor, room, error);
}

static int control(SOCKET s, DWORD code, LPVOID in, DWORD in_length, LPVOID out, DWORD room,
                   LPDWORD used, LPWSAOVERLAPPED overlapped,
                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID thread, LPINT error) {
    static const GUID read = WSAID_RDMAREAD, memory = WSAID_REGISTERMEMORY,
                      rdma_memory = WSAID_REGISTERRDMAMEMORY;
    int asks = code == SIO_GET_EXTENSION_FUNCTION_POINTER && in_length == sizeof(GUID);
    if (asks && !reads && memcmp(in, &read, sizeof read) == 0) {
        *error = WSAEOPNOTSUPP;
        return SOCKET_ERROR;
    }
    int result = functions.lpWSPIoctl(s, code, in, in_length, out, room, used, overlapped, routine,
                                      thread, error);
    if (asks && result == 0 && memcmp(in, &memory, sizeof memory) == 0) {
        memcpy(&register_memory, out, sizeof register_memory);
        LPFN_WSPREGISTERMEMORY own = limited_memory;
        memcpy(out, &own, sizeof own);
    } else if (asks && result == 0 && memcmp(in, &rdma_memory, sizeof rdma_memory) == 0) {
        memcpy(&register_rdma_memory, out, sizeof register_rdma_memory);
        LPFN_WSPREGISTERRDMAMEMORY own = limited_rdma_memory;
        memcpy(out, &own, sizeof own);
    }
    return result;
}

int WSPStartupEx(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW information,
                 LPWSPUPCALLTABLEEX table, LPWSPPROC_TABLE procedures) {
    int code =
        target == NULL ? WSASYSNOTREADY : target(version, data, information, table, procedures);
    if (code == 0) {
        functions = *procedures;
        procedures->lpWSPIoctl = control;
    }
    return code;
}
