/* Libraries that are no providers, or bad ones: for the tests of `pindown conform`. Macros choose:
     CRASH_AT_LOADING   dies when it is loaded
     CRASH              dies in WSPStartupEx
     HANG               never returns from it
   None: it starts, and offers no function. */
#include <ws2san.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef CRASH_AT_LOADING
__attribute__((constructor)) static void crash(void) { abort(); }
#endif

int WSPStartupEx(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW information,
                 LPWSPUPCALLTABLEEX upcalls, LPWSPPROC_TABLE procedures) {
    (void)information, (void)upcalls, (void)procedures;
#ifdef HANG
    while (1) pause();
#endif
    if (version != 0x0202) return WSAVERNOTSUPPORTED;
    if (data == NULL) return WSAEFAULT;
#ifdef CRASH
    fputs("bad provider: the end is near\n", stderr);
    abort();
#endif
    memset(data, 0, sizeof *data);
    data->wVersion = 0x0202;
    return 0;
}
