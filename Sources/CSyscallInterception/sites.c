/* Finding the sites. Runs at install only, never in a hook. */
#include "site.h"

void CSyscallInterception_note_gap(CSyscallInterception_report *report, const char *name,
                                   const char *reason) {
    if (report->gap_count < CSyscallInterception_site_limit) {
        report->gaps[report->gap_count++] = (CSyscallInterception_gap){name, reason};
    }
}

#if defined(__x86_64__)

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

enum { instruction_pair_length = CSyscallInterception_site_length + 2, number_clone3 = 435 };

typedef struct {
    const char *name;
    int32_t number;
} wanted_call;

static const wanted_call libc_calls[] = {
    {"munmap", SYS_munmap},
    {"mmap", SYS_mmap},
    {"mremap", SYS_mremap},
    {"mprotect", SYS_mprotect},
    {"pkey_mprotect", SYS_pkey_mprotect},
    {"madvise", SYS_madvise},
    {"posix_madvise", SYS_madvise},
    {"process_madvise", 440},
    {"brk", SYS_brk},
    {"shmat", SYS_shmat},
    {"shmdt", SYS_shmdt},
    {"remap_file_pages", SYS_remap_file_pages},
    {"ftruncate", SYS_ftruncate},
    {"truncate", SYS_truncate},
    {"fallocate", SYS_fallocate},
    {"ioctl", SYS_ioctl},
    {"syscall", CSyscallInterception_any_number},
};

/* The loader has wrappers of its own and exports none of them. */
static const wanted_call loader_calls[] = {
    {"munmap in the dynamic loader", SYS_munmap},
    {"mmap in the dynamic loader", SYS_mmap},
    {"mprotect in the dynamic loader", SYS_mprotect},
    {"brk in the dynamic loader", SYS_brk},
};

/* What makes threads, and sets what a thread's signals are. See threads.c. */
static const wanted_call thread_calls[] = {
    {"clone", SYS_clone},
    {"pthread_sigmask", SYS_rt_sigprocmask},
    {"setcontext", SYS_rt_sigprocmask},
    {"swapcontext", SYS_rt_sigprocmask},
    {"__libc_sigaction", SYS_rt_sigaction},
};

/* libc exports no function of this name, and makes every thread with it, since 2.34. */
static const wanted_call thread_start = {"clone3", number_clone3};

typedef struct {
    const uint8_t *base;
    const uint8_t *text;
    size_t text_length;
} image;

/* The bytes that end a wrapper: how the number gets into place, and the call. */
static void make_pattern(int32_t number, uint8_t pattern[instruction_pair_length]) {
    static const uint8_t variadic[] = {0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05};
    if (number == CSyscallInterception_any_number) {
        memcpy(pattern, variadic, sizeof variadic);
        return;
    }
    pattern[0] = 0xb8;
    memcpy(pattern + 1, &number, sizeof number);
    pattern[5] = 0x0f;
    pattern[6] = 0x05;
}

/* What a compiler or glibc's assembler templates put behind a call: a comparison of the result with
   the error range, or for the break, storing it, or for posix_madvise, negating it. Seven bytes
   could be part of a longer instruction by chance; seven bytes followed by one of these are a call.
   It also proves that no flag is alive across the call. */
static bool is_followed_by_known_code(const uint8_t *behind, size_t available, int32_t number) {
    static const uint8_t above[] = {0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff};
    static const uint8_t above_in_half[] = {0x3d, 0x00, 0xf0, 0xff, 0xff};
    static const uint8_t at_least[] = {0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff};
    static const uint8_t negate_and_return[] = {0xf7, 0xd8, 0xc3};
    if (number == SYS_madvise && available >= sizeof negate_and_return &&
        memcmp(behind, negate_and_return, sizeof negate_and_return) == 0) {
        return true;
    }
    if (available < sizeof above) {
        return false;
    }
    if (number == SYS_ioctl && behind[0] == 0x89 && (behind[1] & 0xf8) == 0xc0) {
        /* A result of 32 bits is kept in another register first, and then compared. */
        return available >= 2 + sizeof above_in_half &&
               memcmp(behind + 2, above_in_half, sizeof above_in_half) == 0;
    }
    if (number == SYS_brk) {
        bool is_move = behind[0] == 0x48 && (behind[1] == 0x89 || behind[1] == 0x8b);
        if (is_move && (behind[2] & 0xc7) == 0x05) { /* to or from a variable, rip-relative */
            return true;
        }
    }
    return memcmp(behind, above, sizeof above) == 0 ||
           memcmp(behind, at_least, sizeof at_least) == 0;
}

static bool begins_with(const uint8_t *code, size_t available, const void *bytes, size_t length) {
    return available >= length && memcmp(code, bytes, length) == 0;
}

/* clone and clone3: `test %rax,%rax`, and that the new thread calls the function where threads.c has
   replaced it: in rdx with r8 as its argument, or on top of its stack. */
static bool is_thread_start(const uint8_t *behind, size_t available, int32_t number) {
    static const uint8_t test[] = {0x48, 0x85, 0xc0};
    static const uint8_t call_rdx[] = {0x4c, 0x89, 0xc7, 0xff, 0xd2};
    static const uint8_t pop_and_call[] = {0x58, 0x5f, 0xff, 0xd0};
    size_t reach = available < 32 ? available : 32;
    bool is_new = number == number_clone3;
    return begins_with(behind, available, test, sizeof test) &&
           memmem(behind, reach, is_new ? call_rdx : pop_and_call,
                  is_new ? sizeof call_rdx : sizeof pop_and_call);
}

/* The mask of a thread: the result is compared, or first copied and negated, or a register that was
   saved on the stack comes back. */
static bool is_known_after_mask(const uint8_t *behind, size_t available) {
    static const uint8_t compare[] = {0x48, 0x3d}, compare_half[] = {0x3d, 0x00, 0xf0, 0xff, 0xff};
    static const uint8_t copy_and_negate[] = {0x89, 0xc2, 0xf7, 0xda};
    static const uint8_t pop_and_compare[] = {0x5a, 0x48, 0x3d};
    return begins_with(behind, available, compare, sizeof compare) ||
           begins_with(behind, available, compare_half, sizeof compare_half) ||
           begins_with(behind, available, copy_and_negate, sizeof copy_and_negate) ||
           begins_with(behind, available, pop_and_compare, sizeof pop_and_compare);
}

static bool is_known(const uint8_t *behind, size_t available, int32_t number) {
    switch (number) {
    case SYS_clone:
    case number_clone3:
        return is_thread_start(behind, available, number);
    case SYS_rt_sigprocmask:
        return is_known_after_mask(behind, available);
    default:
        return is_followed_by_known_code(behind, available, number);
    }
}

/* Adds every site of `number` in [text, text + length); false when there was none, or one that is
   not surely a call. */
static bool add_sites(CSyscallInterception_site *sites, size_t *count, const image *owner,
                      const uint8_t *text, size_t length, const wanted_call *wanted,
                      CSyscallInterception_report *report) {
    uint8_t pattern[instruction_pair_length];
    make_pattern(wanted->number, pattern);
    size_t found = 0;
    const uint8_t *end = text + length, *position = text;
    while ((position = memmem(position, (size_t)(end - position), pattern, sizeof pattern))) {
        const uint8_t *behind = position + sizeof pattern;
        found++;
        if (!is_known(behind, (size_t)(end - behind), wanted->number)) {
            CSyscallInterception_note_gap(report, wanted->name,
                                          "the code behind the call is unknown");
        } else if (*count == CSyscallInterception_site_limit) {
            CSyscallInterception_note_gap(report, wanted->name, "too many sites");
        } else {
            CSyscallInterception_site *site = &sites[(*count)++];
            *site = (CSyscallInterception_site){.address = (uint8_t *)(uintptr_t)position,
                                                .name = wanted->name,
                                                .image = owner->base,
                                                .number = wanted->number};
            memcpy(site->original, position, sizeof site->original);
        }
        position = behind;
    }
    return found > 0;
}

/* Takes the executable segment of the object that is loaded at `wanted->base`, and stops there. */
static int match_image(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size;
    image *wanted = context;
    const uint8_t *base = (const uint8_t *)object->dlpi_addr;
    bool matches = false;
    wanted->text = NULL;
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        if (segment->p_type != PT_LOAD) {
            continue;
        }
        if (segment->p_offset == 0 && base + segment->p_vaddr == wanted->base) {
            matches = true;
        }
        if (segment->p_flags & PF_X) {
            wanted->text = base + segment->p_vaddr;
            wanted->text_length = segment->p_filesz;
        }
    }
    return matches;
}

static bool find_image(image *wanted) {
    return wanted->base && dl_iterate_phdr(match_image, wanted) != 0 && wanted->text;
}

static void find_in_libc(const wanted_call *calls, size_t call_count,
                         CSyscallInterception_site *sites, size_t *count,
                         CSyscallInterception_report *report) {
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    if (!libc) {
        CSyscallInterception_note_gap(report, "libc",
                                      "there is no shared libc.so.6 in this process");
        return;
    }
    for (size_t index = 0; index < call_count; index++) {
        const wanted_call *wanted = &calls[index];
        const uint8_t *function = dlsym(libc, wanted->name);
        Dl_info place;
        ElfW(Sym) *symbol = NULL;
        if (!function) {
            CSyscallInterception_note_gap(report, wanted->name, "libc has no such function");
        } else if (!dladdr1(function, &place, (void **)&symbol, RTLD_DL_SYMENT) || !symbol ||
                   place.dli_saddr != function) {
            CSyscallInterception_note_gap(report, wanted->name, "its length is unknown");
        } else {
            image owner = {.base = place.dli_fbase};
            if (!add_sites(sites, count, &owner, function, symbol->st_size, wanted, report)) {
                CSyscallInterception_note_gap(report, wanted->name,
                                              "it holds no call that is known");
            }
        }
    }
    dlclose(libc);
}

static void find_in_loader(CSyscallInterception_site *sites, size_t *count,
                           CSyscallInterception_report *report) {
    image loader = {.base = (const uint8_t *)getauxval(AT_BASE)};
    bool found = find_image(&loader);
    for (size_t index = 0; index < sizeof loader_calls / sizeof *loader_calls; index++) {
        const wanted_call *wanted = &loader_calls[index];
        if (!found) {
            CSyscallInterception_note_gap(report, wanted->name, "the dynamic loader was not found");
        } else if (!add_sites(sites, count, &loader, loader.text, loader.text_length, wanted,
                              report)) {
            CSyscallInterception_note_gap(report, wanted->name, "it holds no call that is known");
        }
    }
}

size_t CSyscallInterception_find_sites(CSyscallInterception_site *sites,
                                       CSyscallInterception_report *report) {
    size_t count = 0;
    find_in_libc(libc_calls, sizeof libc_calls / sizeof *libc_calls, sites, &count, report);
    find_in_loader(sites, &count, report);
    return count;
}

size_t CSyscallInterception_find_thread_sites(CSyscallInterception_site *sites,
                                              CSyscallInterception_report *report) {
    size_t count = 0;
    find_in_libc(thread_calls, sizeof thread_calls / sizeof *thread_calls, sites, &count, report);
    if (count == 0) {
        return 0;
    }
    image libc = {.base = sites[0].image};
    if (!find_image(&libc) ||
        !add_sites(sites, &count, &libc, libc.text, libc.text_length, &thread_start, report)) {
        CSyscallInterception_note_gap(report, thread_start.name, "libc holds no such call");
    }
    return count;
}

#endif
