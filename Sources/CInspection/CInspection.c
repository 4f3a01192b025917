#include "CInspection.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

off_t CInspection_next_data(int descriptor, off_t offset) {
    off_t result = lseek(descriptor, offset, SEEK_DATA);
    return result < 0 ? -errno : result;
}

off_t CInspection_next_hole(int descriptor, off_t offset) {
    off_t result = lseek(descriptor, offset, SEEK_HOLE);
    return result < 0 ? -errno : result;
}

int CInspection_peer_of(int descriptor, struct CInspection_peer *peer) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
        return -errno;
    }
    peer->pid = credentials.pid;
    peer->user = credentials.uid;
    return 0;
}

int CInspection_accept(int listener) {
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    return connection < 0 ? -errno : connection;
}
