/* The code that a patched site jumps to.

   Each site has a stub of its own in memory that `jmp rel32` can reach. Those of the most frequent
   calls begin with a look at a table (CSyscallInterception_watch_table), which needs no stack and
   calls nobody, and end there where it says that nothing is of interest. The stub skips the red zone
   and calls the one routine below, which saves what a system call leaves alone, asks decide(), and puts
   it back. The stub then executes the instruction that the jump replaced and jumps to the site's
   own `syscall`. The call is thus made from libc's text, with the stack as the wrapper left it: a
   trace, a seccomp filter, Syscall User Dispatch and the kernel's restart of interrupted calls see
   nothing unusual, and a call that changes or drops the stack (clone, rt_sigreturn through
   syscall()) finds nothing of ours.

   Registers. `syscall` changes rax, rcx and r11 alone, so the routine saves every other register
   that C may change, and the flags. It does not save vector and x87 registers. A site is inside a
   function that its callers reach by the calling convention, in which no such register survives a
   call; the wrappers are translation units of their own in glibc (assembler templates, or a few
   lines of C), so no compiler knows their callers and could have made another agreement; and
   between entry and `syscall` they compute with integers only. `sites.c` accepts only this shape of
   code. The places where libc and the loader do promise vector registers (the lazy binding of
   functions) save them by themselves. */
#include "decode.h"

#if defined(__x86_64__)

#include "gateway.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#pragma GCC visibility push(hidden)
void CSyscallInterception_enter(void);
#pragma GCC visibility pop

/* In: rcx = the site; rcx and r11 are free, as the call is about to overwrite them. The flags go
   through lahf and seto, which are much quicker than pushf and popf.

   The unwind rules say: the frame above is the wrapper, at the site's address, with its stack as it
   was. That address is the first member of the site, whose address is at rbp - 8. The stub in
   between has no unwind information and needs none. */
_Static_assert(offsetof(CSyscallInterception_site, address) == 0, "see the unwind rule");
_Static_assert(sizeof(CSyscallInterception_registers) == 64, "eight words, as pushed");

__asm__(".text\n"
        ".balign 16\n"
        ".globl CSyscallInterception_enter\n"
        ".hidden CSyscallInterception_enter\n"
        ".type CSyscallInterception_enter, @function\n"
        "CSyscallInterception_enter:\n"
        ".cfi_startproc\n"
        ".cfi_signal_frame\n"
        ".cfi_def_cfa %rsp, 136\n" /* the return address and the red zone */
        "endbr64\n"
        "push %rbp\n"
        ".cfi_def_cfa_offset 144\n"
        ".cfi_offset %rbp, -144\n"
        "mov %rsp, %rbp\n"
        ".cfi_def_cfa_register %rbp\n"
        "push %rcx\n"
        /* DW_CFA_val_expression(rip): breg6 -8, deref, deref */
        ".cfi_escape 0x16, 0x10, 0x04, 0x76, 0x78, 0x06, 0x06\n"
        "push %rdi\n"
        "push %rsi\n"
        "push %rdx\n"
        "push %r10\n"
        "push %r8\n"
        "push %r9\n"
        "push %rax\n"
        "lahf\n"
        "seto %al\n"
        "push %rax\n"
        "mov %rsp, %rdi\n"
        "mov %rcx, %rsi\n"
        "and $-16, %rsp\n"
        "call CSyscallInterception_decide\n"
        "lea -72(%rbp), %rsp\n"
        "pop %rax\n"
        "add $0x7f, %al\n" /* overflows exactly when seto stored a 1 */
        "sahf\n"
        "pop %rax\n"
        "pop %r9\n"
        "pop %r8\n"
        "pop %r10\n"
        "pop %rdx\n"
        "pop %rsi\n"
        "pop %rdi\n"
        "pop %rcx\n"
        "pop %rbp\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size CSyscallInterception_enter, . - CSyscallInterception_enter\n");

/* A look stands at the front of a stub. Here is its pattern, in which write_stub() fills in the
   address of the quick words (the movabs), the instruction that the jump replaced, and the way back.
   Its end is where calls go on that have to be decided. rax, rcx and r11 are free, as the call
   overwrites rcx and r11, and its number goes to rax; the flags are in rax meanwhile, as above.

   A range that ends in another 32 MiB than it begins in has to be decided, and so has every one while
   the limit's sign says so. One that is empty or wraps around may end in the same: the kernel
   refuses it. What the kernel does for a part of a page it does to that page, which lies in the same
   32 MiB. */
typedef struct {
    const uint8_t *start, *words, *leave, *end;
} look;

#define LOOK(name, before, test)                                                                   \
    __asm__(".section .rodata\n" #name "_start:\n"                                                \
            "lahf\n"                                                                               \
            "seto %al\n" before "movabs $0x1111111111111111, %r11\n" #name "_words:\n" test        \
            "8:\n"                                                                                 \
            "add $0x7f, %al\n"                                                                     \
            "sahf\n" #name "_leave:\n"                                                             \
            ".skip 10\n" /* the instruction that was replaced, and a jump */                       \
            "9:\n"                                                                                 \
            "add $0x7f, %al\n"                                                                     \
            "sahf\n" #name "_end:\n"                                                               \
            ".previous\n");                                                                        \
    extern const uint8_t name##_start[], name##_words[], name##_leave[], name##_end[];             \
    static const look name = {name##_start, name##_words, name##_leave, name##_end}

/* From the first address in rdi and the length in rsi to the number of the 32 MiB, in rcx. */
#define LOOK_PLACE                                                                                 \
    "lea -1(%rdi,%rsi), %rcx\n"                                                                    \
    "mov %rdi, %r11\n"                                                                             \
    "xor %rcx, %r11\n"                                                                             \
    "shr $25, %r11\n"                                                                              \
    "jne 9f\n"                                                                                     \
    "shr $25, %rcx\n"

/* With the address of the words in r11. */
#define LOOK_TABLE                                                                                 \
    "cmp (%r11), %rcx\n"                                                                           \
    "jge 9f\n"                                                                                     \
    "mov 8(%r11), %r11\n"                                                                          \
    "cmpl $0, (%r11,%rcx,4)\n"                                                                     \
    "jne 9f\n"

_Static_assert(CSyscallInterception_table_shift == 25, "see LOOK_PLACE");
_Static_assert(offsetof(CSyscallInterception_quick_words, table) == 8, "see LOOK_TABLE");
_Static_assert(PROT_GROWSDOWN == 0x1000000 && MAP_FIXED == 0x10, "see below");
_Static_assert(CSyscallInterception_advice_collapse == 25, "see below");

#pragma GCC visibility push(hidden)
LOOK(range_look, LOOK_PLACE, LOOK_TABLE);
/* MADV_COLLAPSE is also about memory that is watched and not secured any more. */
LOOK(advice_look, "cmp $25, %edx\n je 9f\n" LOOK_PLACE, LOOK_TABLE);
/* Where PROT_GROWSDOWN extends the range nobody knows how far. */
LOOK(protection_look, "test $0x1000000, %edx\n jne 9f\n" LOOK_PLACE, LOOK_TABLE);
/* A mapping that the kernel finds a place for changes none. */
LOOK(mapping_look, "", "cmpq $0, (%r11)\n jle 9f\n test $0x10, %r10b\n jne 9f\n");
#pragma GCC visibility pop

static const look *look_of(const CSyscallInterception_site *site) {
    switch (site->number) {
    case SYS_munmap:
        return &range_look;
    case SYS_madvise:
        return &advice_look;
    case SYS_mprotect:
        return &protection_look;
    case SYS_mmap:
        return &mapping_look;
    default:
        return NULL;
    }
}

enum { stub_length = 256, detour_length = stub_length * CSyscallInterception_site_limit };

static const uint64_t search_step = 64 << 10;
static const uint64_t search_reach = 1 << 30; /* half of a jump's: images have a length */

/* Memory below an image, since above it the next image or the stack may grow. NULL and -errno. */
static long reserve_near(const uint8_t *image) {
    long result = -ENOMEM;
    for (uint64_t distance = search_step; distance <= search_reach; distance += search_step) {
        long wanted = (long)((uint64_t)image - distance);
        if (wanted <= (long)search_step) {
            break;
        }
        result =
            CSyscallInterception_call(SYS_mmap, wanted, detour_length, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (result == wanted) {
            return result;
        }
        if (result > 0) { /* a kernel before 4.17, which takes the address for a hint */
            CSyscallInterception_call(SYS_munmap, result, detour_length, 0, 0, 0, 0);
            result = -ENOMEM;
        } else if (result != -EEXIST) {
            return result;
        }
    }
    return result;
}

static uint8_t *append(uint8_t *code, const void *bytes, size_t length) {
    memcpy(code, bytes, length);
    return code + length;
}

/* `opcode` and the distance from its end to the target. Both ends are within the reach of a jump by
   construction. */
static uint8_t *append_jump(uint8_t *code, const uint8_t *at, const uint8_t *target) {
    static const uint8_t opcode = 0xe9;
    int32_t distance = (int32_t)(target - (at + CSyscallInterception_site_length));
    return append(append(code, &opcode, sizeof opcode), &distance, sizeof distance);
}

static uint8_t *append_look(uint8_t *code, const look *look, const CSyscallInterception_site *site) {
    CSyscallInterception_quick_words *words = &CSyscallInterception_quick;
    uint8_t *leave = code + (look->leave - look->start);
    uint8_t *end = append(code, look->start, (size_t)(look->end - look->start));
    memcpy(code + (look->words - look->start) - sizeof words, &words, sizeof words);
    leave = append(leave, site->original, sizeof site->original);
    append_jump(leave, leave, site->address + CSyscallInterception_site_length);
    return end;
}

static void write_stub(uint8_t *stub, CSyscallInterception_site *site) {
    static const uint8_t skip_red_zone[] = {0x48, 0x8d, 0x64, 0x24, 0x80};
    static const uint8_t load_rcx[] = {0x48, 0xb9}, load_r11[] = {0x49, 0xbb};
    static const uint8_t call_r11[] = {0x41, 0xff, 0xd3};
    static const uint8_t back_up[] = {0x48, 0x8d, 0xa4, 0x24, 0x80, 0, 0, 0};
    void (*enter)(void) = CSyscallInterception_enter;
    bool is_fixed = site->number != CSyscallInterception_any_number;
    uint8_t *code = stub;
    const look *look = look_of(site);
    if (look) {
        code = append_look(code, look, site);
    }
    if (!is_fixed) { /* loads the sixth argument, which decide() is shown */
        code = append(code, site->original, sizeof site->original);
    }
    code = append(code, skip_red_zone, sizeof skip_red_zone);
    code = append(append(code, load_rcx, sizeof load_rcx), &site, sizeof site);
    code = append(append(code, load_r11, sizeof load_r11), &enter, sizeof enter);
    code = append(code, call_r11, sizeof call_r11);
    code = append(code, back_up, sizeof back_up);
    if (is_fixed) { /* loads the number */
        code = append(code, site->original, sizeof site->original);
    }
    append_jump(code, code, site->address + CSyscallInterception_site_length);
    append_jump(site->jump, site->address, stub);
}

int CSyscallInterception_make_detours(CSyscallInterception_site *sites, size_t count) {
    long memory = reserve_near(sites->image);
    if (memory < 0) {
        return (int)memory;
    }
    for (size_t index = 0; index < count; index++) {
        write_stub((uint8_t *)memory + index * stub_length, &sites[index]);
    }
    return (int)CSyscallInterception_call(SYS_mprotect, memory, detour_length,
                                          PROT_READ | PROT_EXEC, 0, 0, 0);
}

#endif
