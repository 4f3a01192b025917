/* Code with a site at a place of our choosing, patched by the module's own machinery. */
#include "CInterceptionRecorder.h"

#include "decode.h"
#include "patch.h"
#include "site.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { page_size = 4096, thread_limit = 16 };

struct CInterceptionRecorder_code {
    CSyscallInterception_site site;
    _Atomic(bool) stops;
    _Atomic(size_t) errors, calls, readings;
};

typedef long (*unmap_function)(void *start, size_t length);

CInterceptionRecorder_code *CInterceptionRecorder_make_code(size_t offset) {
    static const uint8_t body[] = {0xb8, 11, 0, 0, 0, 0x0f, 0x05, 0xc3};
    uint8_t *pages =
        mmap(NULL, 2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CInterceptionRecorder_code *code = calloc(1, sizeof *code);
    code->site.address = pages + offset;
    code->site.name = "a site of the tests";
    code->site.image = pages;
    code->site.number = 11;
    memcpy(pages + offset, body, sizeof body);
    memcpy(code->site.original, body, sizeof code->site.original);
    mprotect(pages, 2 * page_size, PROT_READ | PROT_EXEC);
    CSyscallInterception_prepare_exchange();
    CSyscallInterception_set_receivers(CInterceptionRecorder_filter, CInterceptionRecorder_handler);
    if (CSyscallInterception_make_detours(&code->site, 1) != 0) {
        abort();
    }
    return code;
}

int CInterceptionRecorder_patch_code(CInterceptionRecorder_code *code, bool patched) {
    CSyscallInterception_site *site = &code->site;
    return CSyscallInterception_exchange_code(site->address, patched ? site->original : site->jump,
                                              patched ? site->jump : site->original);
}

static unmap_function function_of(CInterceptionRecorder_code *code) {
    return (unmap_function)(uintptr_t)code->site.address;
}

long CInterceptionRecorder_call_code(CInterceptionRecorder_code *code, void *start, size_t length) {
    return function_of(code)(start, length);
}

static void *call_until_stopped(void *argument) {
    CInterceptionRecorder_code *code = argument;
    unmap_function call = function_of(code);
    while (!code->stops) {
        code->errors += call((void *)1, page_size) != -EINVAL;
        code->calls++;
    }
    return NULL;
}

size_t CInterceptionRecorder_exchange_under_fire(CInterceptionRecorder_code *code, size_t threads,
                                                 size_t exchanges) {
    pthread_t handles[thread_limit];
    for (size_t index = 0; index < threads; index++) {
        pthread_create(&handles[index], NULL, call_until_stopped, code);
    }
    for (size_t index = 0; index < exchanges; index++) {
        size_t before = code->calls;
        code->errors += CInterceptionRecorder_patch_code(code, index % 2 == 0) != 0;
        while (code->calls < before + threads) {
            sched_yield(); /* the next exchange meets threads in motion */
        }
    }
    code->stops = true;
    for (size_t index = 0; index < threads; index++) {
        pthread_join(handles[index], NULL);
    }
    return code->errors;
}

/* One load, as an instruction is one fetch. */
static void read_code(const uint8_t *address, uint8_t bytes[sizeof(uint64_t)]) {
    uint64_t value;
    __asm__ volatile("movq (%1), %0" : "=r"(value) : "r"(address) : "memory");
    memcpy(bytes, &value, sizeof value);
}

static bool is_mixture(const CSyscallInterception_site *site, const uint8_t *bytes) {
    static const uint8_t jump_to_itself[] = {0xeb, 0xfe};
    return memcmp(bytes, site->original, sizeof site->original) != 0 &&
           memcmp(bytes, site->jump, sizeof site->jump) != 0 &&
           memcmp(bytes, jump_to_itself, sizeof jump_to_itself) != 0;
}

static void *read_until_stopped(void *argument) {
    CInterceptionRecorder_code *code = argument;
    while (!code->stops) {
        uint8_t bytes[sizeof(uint64_t)];
        read_code(code->site.address, bytes);
        code->errors += is_mixture(&code->site, bytes);
        code->readings++;
    }
    return NULL;
}

size_t CInterceptionRecorder_mixtures_seen(CInterceptionRecorder_code *code, size_t exchanges) {
    pthread_t reader;
    code->stops = false;
    code->errors = 0;
    pthread_create(&reader, NULL, read_until_stopped, code);
    for (size_t index = 0; index < exchanges; index++) {
        size_t before = code->readings;
        CInterceptionRecorder_patch_code(code, index % 2 == 0);
        while (code->readings == before) {
            sched_yield();
        }
    }
    code->stops = true;
    pthread_join(reader, NULL);
    return code->errors;
}

/* In and out of the assembler below, in this order. */
typedef struct {
    uint64_t rbx, rbp, rdi, rsi, rdx, r8, r9, r10, r12, r13, r14, r15;
} register_values;

typedef struct {
    register_values values;
    uint64_t flags, function;
} machine_state;

void CInterceptionRecorder_run(machine_state *state);

__asm__(".text\n"
        ".globl CInterceptionRecorder_run\n"
        ".type CInterceptionRecorder_run, @function\n"
        "CInterceptionRecorder_run:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "push %rdi\n"
        "mov %rdi, %rax\n"
        "pushq 96(%rax); popfq\n"
        "mov 0(%rax), %rbx; mov 8(%rax), %rbp; mov 16(%rax), %rdi; mov 24(%rax), %rsi\n"
        "mov 32(%rax), %rdx; mov 40(%rax), %r8; mov 48(%rax), %r9; mov 56(%rax), %r10\n"
        "mov 64(%rax), %r12; mov 72(%rax), %r13; mov 80(%rax), %r14; mov 88(%rax), %r15\n"
        "call *104(%rax)\n"
        "mov 0(%rsp), %rax\n"
        "pushfq; popq 96(%rax)\n"
        "mov %rbx, 0(%rax); mov %rbp, 8(%rax); mov %rdi, 16(%rax); mov %rsi, 24(%rax)\n"
        "mov %rdx, 32(%rax); mov %r8, 40(%rax); mov %r9, 48(%rax); mov %r10, 56(%rax)\n"
        "mov %r12, 64(%rax); mov %r13, 72(%rax); mov %r14, 80(%rax); mov %r15, 88(%rax)\n"
        "pop %rdi\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "ret\n"
        ".size CInterceptionRecorder_run, . - CInterceptionRecorder_run\n");

uint64_t CInterceptionRecorder_clobbered(CInterceptionRecorder_code *code, uint64_t flags) {
    enum { value_count = sizeof(register_values) / sizeof(uint64_t) };
    uint64_t arithmetic = 0x8d5; /* carry, parity, adjust, zero, sign, overflow */
    machine_state before = {{11, 12, 1, page_size, 15, 16, 17, 18, 19, 20, 21, 22},
                            0x202 | flags,
                            (uint64_t)code->site.address};
    machine_state after = before;
    CInterceptionRecorder_run(&after);
    uint64_t result = 0, old[value_count], new[value_count];
    memcpy(old, &before.values, sizeof old);
    memcpy(new, &after.values, sizeof new);
    for (int index = 0; index < value_count; index++) {
        result |= (uint64_t)(old[index] != new[index]) << index;
    }
    result |= (uint64_t)((after.flags & arithmetic) != (flags & arithmetic)) << 16;
    return result;
}
