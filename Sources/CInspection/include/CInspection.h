/* What a reader of another process's state needs of libc and Swift does not see, because it is
   declared only under _GNU_SOURCE. */
#ifndef CINSPECTION_H
#define CINSPECTION_H

#include <stdint.h>
#include <sys/types.h>

/* Where the next data, or the next hole, of a sparse file begins, at or after `offset`; -errno
   (ENXIO) where there is none. */
off_t CInspection_next_data(int descriptor, off_t offset);
off_t CInspection_next_hole(int descriptor, off_t offset);

/* Who is at the other end of a Unix socket. */
struct CInspection_peer {
    int32_t pid;
    uint32_t user;
};

/* 0 or -errno. */
int CInspection_peer_of(int descriptor, struct CInspection_peer *peer);

/* Waits for a connection; its descriptor, closed on exec, or -errno. */
int CInspection_accept(int listener);

#endif
