/* A site: the five bytes before a `syscall` instruction that a jump can replace.

   Every wrapper in glibc ends in `b8 NN 00 00 00  0f 05` (mov $NN,%eax; syscall), and syscall() in
   `4c 8b 4c 24 08  0f 05` (mov 8(%rsp),%r9; syscall). The first instruction makes room for exactly
   one `jmp rel32`; the `syscall` stays where it is. So no thread can ever be in the middle of what
   is replaced: it has executed the old instruction, and runs the call, or it has not, and takes the
   jump. */
#ifndef CSYSCALLINTERCEPTION_SITE_H
#define CSYSCALLINTERCEPTION_SITE_H

#include "CSyscallInterception.h"

#pragma GCC visibility push(hidden)

enum { CSyscallInterception_site_length = 5 };

/* The number of syscall()'s site, whose number comes with each call. */
enum { CSyscallInterception_any_number = -1 };

typedef struct {
    uint8_t *address;
    const char *name;
    const uint8_t *image; /* where the library that it lies in is loaded */
    int32_t number;
    _Atomic(bool) patched;
    uint8_t original[CSyscallInterception_site_length];
    uint8_t jump[CSyscallInterception_site_length];
} CSyscallInterception_site;

/* Fills in the sites of libc and of the dynamic loader; `jump` is left empty. Returns how many
   there are. What cannot be patched is added to the report. Allocates (dlsym). */
size_t CSyscallInterception_find_sites(CSyscallInterception_site *sites,
                                       CSyscallInterception_report *report);

/* The same for the calls that make threads and set what their signals are. In libc only. */
size_t CSyscallInterception_find_thread_sites(CSyscallInterception_site *sites,
                                              CSyscallInterception_report *report);

/* Readies sites for the first time: their detours, and this process for exchanging code. 0, or
   -ENOTSUP, or why the kernel gave no memory. */
int CSyscallInterception_prepare_sites(CSyscallInterception_site *sites, size_t count);

/* Patches them, and puts back what was there. One thread at a time; what cannot be patched is added
   to the report. */
void CSyscallInterception_patch_sites(CSyscallInterception_site *sites, size_t count,
                                      CSyscallInterception_report *report);
void CSyscallInterception_restore_sites(CSyscallInterception_site *sites, size_t count);

/* Appends to a report; a full one stays as it is. */
void CSyscallInterception_note_gap(CSyscallInterception_report *report, const char *name,
                                   const char *reason);

/* Writes the detours of the `count` sites, which lie in one image, and fills in their jumps.
   0 or -errno. */
int CSyscallInterception_make_detours(CSyscallInterception_site *sites, size_t count);

#pragma GCC visibility pop

#endif
