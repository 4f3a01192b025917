/* A library that is a provider only by name: it passes WSPStartupEx on. So a test's process has the
   memfd provider that is linked into it loaded by the switch, as any other is. */
#include <stddef.h>
#include <ws2san.h>

static LPWSPSTARTUPEX target;

void forwarding_aim(LPWSPSTARTUPEX function) { target = function; }

int WSPStartupEx(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW information,
                 LPWSPUPCALLTABLEEX table, LPWSPPROC_TABLE procedures) {
    return target == NULL ? WSASYSNOTREADY : target(version, data, information, table, procedures);
}
