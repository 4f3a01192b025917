/* The extensions of the service provider interface for system area networks. */
#ifndef WS2SAN_H
#define WS2SAN_H

#include "ws2spi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Socket options of level SOL_SOCKET */
#define SO_MAX_RDMA_SIZE 0x700D
#define SO_RDMA_THRESHOLD_SIZE 0x700E

/* What a registration lets the NIC (WSPRegisterMemory) or the peer (WSPRegisterRdmaMemory) do */
#define MEM_READ 1
#define MEM_WRITE 2
#define MEM_READWRITE 3

/* A buffer with the handle that WSPRegisterMemory gave for it */
typedef struct _WSABUFEX {
    ULONG len;
    CHAR *buf;
    HANDLE handle;
} WSABUFEX, *LPWSABUFEX;

/* The upcalls of WSPUPCALLTABLE and one more */
typedef struct _WSPUPCALLTABLEEX {
    LPWPUCLOSEEVENT lpWPUCloseEvent;
    LPWPUCLOSESOCKETHANDLE lpWPUCloseSocketHandle;
    LPWPUCREATEEVENT lpWPUCreateEvent;
    LPWPUCREATESOCKETHANDLE lpWPUCreateSocketHandle;
    LPWPUFDISSET lpWPUFDIsSet;
    LPWPUGETPROVIDERPATH lpWPUGetProviderPath;
    LPWPUMODIFYIFSHANDLE lpWPUModifyIFSHandle;
    LPWPUPOSTMESSAGE lpWPUPostMessage;
    LPWPUQUERYBLOCKINGCALLBACK lpWPUQueryBlockingCallback;
    LPWPUQUERYSOCKETHANDLECONTEXT lpWPUQuerySocketHandleContext;
    LPWPUQUEUEAPC lpWPUQueueApc;
    LPWPURESETEVENT lpWPUResetEvent;
    LPWPUSETEVENT lpWPUSetEvent;
    LPWPUOPENCURRENTTHREAD lpWPUOpenCurrentThread;
    LPWPUCLOSETHREAD lpWPUCloseThread;
    LPWPUCOMPLETEOVERLAPPEDREQUEST lpWPUCompleteOverlappedRequest;
} WSPUPCALLTABLEEX, *LPWSPUPCALLTABLEEX;

/* The one symbol that a provider exports. Unlike every other function of the interface it returns
   the error number itself: 0, WSASYSNOTREADY, WSAVERNOTSUPPORTED, WSAEPROCLIM or WSAEFAULT. */
__attribute__((visibility("default"))) int WSPAPI
WSPStartupEx(WORD wVersionRequested, LPWSPDATA lpWSPData, LPWSAPROTOCOL_INFOW lpProtocolInfo,
             LPWSPUPCALLTABLEEX lpUpcallTable, LPWSPPROC_TABLE lpProcTable);

typedef int(WSPAPI *LPWSPSTARTUPEX)(WORD wVersionRequested, LPWSPDATA lpWSPData,
                                    LPWSAPROTOCOL_INFOW lpProtocolInfo,
                                    LPWSPUPCALLTABLEEX lpUpcallTable,
                                    LPWSPPROC_TABLE lpProcTable);

/* The extension functions, each with the GUID by which SIO_GET_EXTENSION_FUNCTION_POINTER finds it */

typedef HANDLE(WSPAPI *LPFN_WSPREGISTERMEMORY)(SOCKET s, PVOID lpBuffer, DWORD dwBufferLength,
                                               DWORD dwFlags, LPINT lpErrno);
typedef int(WSPAPI *LPFN_WSPDEREGISTERMEMORY)(SOCKET s, HANDLE Handle, LPINT lpErrno);
/* 0 is success, as the function's own description has it. */
typedef int(WSPAPI *LPFN_WSPREGISTERRDMAMEMORY)(SOCKET s, PVOID lpBuffer, DWORD dwBufferLength,
                                                DWORD dwFlags, LPVOID lpRdmaBufferDescriptor,
                                                LPDWORD lpdwDescriptorLength, LPINT lpErrno);
typedef int(WSPAPI *LPFN_WSPDEREGISTERRDMAMEMORY)(SOCKET s, LPVOID lpRdmaBufferDescriptor,
                                                  DWORD dwDescriptorLength, LPINT lpErrno);
typedef int(WSPAPI *LPFN_WSPRDMAWRITE)(SOCKET s, LPWSABUFEX lpBuffers, DWORD dwBufferCount,
                                       LPVOID lpTargetBufferDescriptor,
                                       DWORD dwTargetDescriptorLength,
                                       DWORD dwTargetBufferOffset,
                                       LPDWORD lpdwNumberOfBytesWritten, DWORD dwFlags,
                                       LPWSAOVERLAPPED lpOverlapped,
                                       LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine,
                                       LPWSATHREADID lpThreadId, LPINT lpErrno);
typedef int(WSPAPI *LPFN_WSPRDMAREAD)(SOCKET s, LPWSABUFEX lpBuffers, DWORD dwBufferCount,
                                      LPVOID lpTargetBufferDescriptor,
                                      DWORD dwTargetDescriptorLength, DWORD dwTargetBufferOffset,
                                      LPDWORD lpdwNumberOfBytesRead, DWORD dwFlags,
                                      LPWSAOVERLAPPED lpOverlapped,
                                      LPWSAOVERLAPPED_COMPLETION_ROUTINE lpCompletionRoutine,
                                      LPWSATHREADID lpThreadId, LPINT lpErrno);
typedef int(WSPAPI *LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK)(LPVOID lpvAddress, SIZE_T Size,
                                                             LPINT lpErrno);

/* Each GUID is a constant first and an initializer afterwards: `GUID g = WSAID_RDMAREAD;` is valid
   C and C++ in every place, and Swift reaches the constant. */
#define CWinsockDirect_TRANSFER_GUID(low) \
    { 0xC0B422F5 + (low), 0xF58C, 0x11D1, { 0xAD, 0x6C, 0x00, 0xC0, 0x4F, 0xA3, 0x4A, 0x2D } }
#define CWinsockDirect_CALLBACK_GUID \
    { 0xE5DA4AF8, 0xD824, 0x48CD, { 0xA7, 0x99, 0x63, 0x37, 0xA9, 0x8E, 0xD2, 0xAF } }

static const GUID WSAID_REGISTERMEMORY __attribute__((unused)) = CWinsockDirect_TRANSFER_GUID(0);
static const GUID WSAID_DEREGISTERMEMORY __attribute__((unused)) = CWinsockDirect_TRANSFER_GUID(1);
static const GUID WSAID_REGISTERRDMAMEMORY __attribute__((unused)) =
    CWinsockDirect_TRANSFER_GUID(2);
static const GUID WSAID_DEREGISTERRDMAMEMORY __attribute__((unused)) =
    CWinsockDirect_TRANSFER_GUID(3);
static const GUID WSAID_RDMAWRITE __attribute__((unused)) = CWinsockDirect_TRANSFER_GUID(4);
static const GUID WSAID_RDMAREAD __attribute__((unused)) = CWinsockDirect_TRANSFER_GUID(5);
static const GUID WSAID_MEMORYREGISTRATIONCACHECALLBACK __attribute__((unused)) =
    CWinsockDirect_CALLBACK_GUID;

#define WSAID_REGISTERMEMORY CWinsockDirect_TRANSFER_GUID(0)
#define WSAID_DEREGISTERMEMORY CWinsockDirect_TRANSFER_GUID(1)
#define WSAID_REGISTERRDMAMEMORY CWinsockDirect_TRANSFER_GUID(2)
#define WSAID_DEREGISTERRDMAMEMORY CWinsockDirect_TRANSFER_GUID(3)
#define WSAID_RDMAWRITE CWinsockDirect_TRANSFER_GUID(4)
#define WSAID_RDMAREAD CWinsockDirect_TRANSFER_GUID(5)
#define WSAID_MEMORYREGISTRATIONCACHECALLBACK CWinsockDirect_CALLBACK_GUID

#ifdef __cplusplus
}
#endif

#endif
