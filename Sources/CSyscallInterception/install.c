/* Installing and uninstalling: one thread at a time, never in a hook. */
#include "CSyscallInterception.h"

#include "decode.h"
#include "gateway.h"
#include "patch.h"
#include "site.h"

#include <errno.h>

CSyscallInterception_gap CSyscallInterception_report_gap(const CSyscallInterception_report *report,
                                                         uint32_t index) {
    static const CSyscallInterception_gap none = {"", ""};
    return index < report->gap_count ? report->gaps[index] : none;
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>

enum state { state_idle, state_changing, state_installed };

static _Atomic(enum state) current_state;

/* Found once; an uninstall keeps them, as the detours stay in memory and point at them. */
static CSyscallInterception_site sites[CSyscallInterception_site_limit];
static _Atomic(size_t) site_count;
static CSyscallInterception_report found; /* the gaps that were known when the sites were found */

/* Both exist on every x86-64 processor but the very first ones. */
static bool saves_flags(void) {
    unsigned int eax, ebx, ecx, edx;
    return __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && (ecx & bit_LAHF_LM);
}

/* A detour leads into this library, and a thread can be in a detour at any time. */
static void stay_loaded(void) {
    Dl_info place;
    if (dladdr((void *)&CSyscallInterception_install, &place) && place.dli_fname) {
        dlopen(place.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    }
}

/* The sites of one image stand together, and each image needs detours within its own reach. */
static int make_detours(CSyscallInterception_site *all, size_t count) {
    int result = 0;
    for (size_t first = 0, next = 0; first < count && result == 0; first = next) {
        while (next < count && all[next].image == all[first].image) {
            next++;
        }
        result = CSyscallInterception_make_detours(&all[first], next - first);
    }
    return result;
}

int CSyscallInterception_prepare_sites(CSyscallInterception_site *all, size_t count) {
    if (!saves_flags() || count == 0) {
        return -ENOTSUP;
    }
    int result = make_detours(all, count);
    if (result == 0) {
        stay_loaded();
        CSyscallInterception_prepare_exchange();
    }
    return result;
}

static int prepare(void) {
    if (atomic_load(&site_count) > 0) {
        return 0;
    }
    found = (CSyscallInterception_report){0};
    size_t count = CSyscallInterception_find_sites(sites, &found);
    int result = CSyscallInterception_prepare_sites(sites, count);
    if (result == 0) {
        atomic_store(&site_count, count);
    }
    return result;
}

static uint64_t exchange_signal_mask(uint64_t mask) {
    uint64_t old = 0;
    CSyscallInterception_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, (long)&old, sizeof old,
                              0, 0);
    return old;
}

/* The calls through the gateway may trap (see dispatch.c), and a trap that is blocked is fatal. */
static const uint64_t all_but_traps = ~((uint64_t)1 << (SIGSYS - 1));

void CSyscallInterception_patch_sites(CSyscallInterception_site *all, size_t count,
                                      CSyscallInterception_report *report) {
    uint64_t mask = exchange_signal_mask(all_but_traps);
    for (size_t index = 0; index < count; index++) {
        CSyscallInterception_site *site = &all[index];
        int result = site->patched ? 0
                                   : CSyscallInterception_exchange_code(
                                         site->address, site->original, site->jump);
        site->patched = result == 0;
        if (site->patched) {
            report->patched++;
        } else {
            CSyscallInterception_note_gap(report, site->name,
                                          result == -EBUSY ? "somebody else has patched it"
                                                           : "its page cannot be made writable");
        }
    }
    exchange_signal_mask(mask);
}

void CSyscallInterception_restore_sites(CSyscallInterception_site *all, size_t count) {
    uint64_t mask = exchange_signal_mask(all_but_traps);
    for (size_t index = 0; index < count; index++) {
        CSyscallInterception_site *site = &all[index];
        if (site->patched) {
            CSyscallInterception_exchange_code(site->address, site->jump, site->original);
            site->patched = false;
        }
    }
    exchange_signal_mask(mask);
}

int CSyscallInterception_install(CSyscallInterception_filter filter,
                                 CSyscallInterception_handler handler,
                                 CSyscallInterception_report *report) {
    enum state expected = state_idle;
    if (!atomic_compare_exchange_strong(&current_state, &expected, state_changing)) {
        return expected == state_installed ? -EALREADY : -EBUSY;
    }
    int result = prepare();
    CSyscallInterception_report local = found;
    if (result == 0) {
        CSyscallInterception_set_receivers(filter, handler);
        CSyscallInterception_patch_sites(sites, site_count, &local);
        result = local.patched > 0 ? 0 : -ENOTSUP;
    }
    if (report) {
        *report = local;
    }
    atomic_store(&current_state, result == 0 ? state_installed : state_idle);
    return result;
}

void CSyscallInterception_uninstall(void) {
    enum state expected = state_installed;
    if (atomic_compare_exchange_strong(&current_state, &expected, state_changing)) {
        CSyscallInterception_restore_sites(sites, site_count);
        atomic_store(&current_state, state_idle);
    }
}

bool CSyscallInterception_installed(void) { return atomic_load(&current_state) == state_installed; }

size_t CSyscallInterception_site_count(void) { return atomic_load(&site_count); }

const char *CSyscallInterception_site_name(size_t index) { return sites[index].name; }

uint64_t CSyscallInterception_site_address(size_t index) { return (uint64_t)sites[index].address; }

bool CSyscallInterception_site_patched(size_t index) { return sites[index].patched; }

#else

/* On arm64 the instruction before a `svc` could become a branch in the same way; not written. */
int CSyscallInterception_install(CSyscallInterception_filter filter,
                                 CSyscallInterception_handler handler,
                                 CSyscallInterception_report *report) {
    (void)filter;
    (void)handler;
    if (report) {
        *report = (CSyscallInterception_report){0};
        CSyscallInterception_note_gap(report, "every call", "only x86-64 code can be patched");
    }
    return -ENOTSUP;
}

void CSyscallInterception_watch_files(bool wanted) { (void)wanted; }
void CSyscallInterception_watch_table(const uint32_t *table, uint64_t entries) {
    (void)table;
    (void)entries;
}
void CSyscallInterception_join_remaps(CSyscallInterception_maps_source source) { (void)source; }
void CSyscallInterception_yield_watched(CSyscallInterception_yielder yielder) { (void)yielder; }
void CSyscallInterception_uninstall(void) {}
bool CSyscallInterception_installed(void) { return false; }
size_t CSyscallInterception_site_count(void) { return 0; }
const char *CSyscallInterception_site_name(size_t index) { return index ? "" : ""; }
uint64_t CSyscallInterception_site_address(size_t index) { return index & 0; }
bool CSyscallInterception_site_patched(size_t index) { return index && false; }

#endif
