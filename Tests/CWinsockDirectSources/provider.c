#include <netinet/in.h>
#include <sys/socket.h>

#include "ws2san.h"

#include "CWinsockDirectSources.h"
#include "body.h"

#include <sys/wait.h>
#include <unistd.h>

unsigned CWinsockDirectSources_guid_in_c(int index) { return guid(index); }

int CWinsockDirectSources_calls_in_c(void) { return calls(); }

int CWinsockDirectSources_in_child(int (*body)(void)) {
    pid_t child = fork();
    if (child < 0) {
        return -1;
    }
    if (child == 0) {
        _exit(body());
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
