/* The adapters: which pages each may reach. */
#include "provider.h"

#include <sched.h>
#include <time.h>

#define OPEN (1ull << 31)
#define USED (1ull << 30)
#define INSIDE (USED - 1)

struct nic nics[NICS] = {{.address = 0x0A4E0001}, {.address = 0x0A4E0101}};

static struct nic *nic_of(uint32_t adapter) {
    for (int i = 0; i < NICS; i++)
        if (nics[i].adapter == adapter) return &nics[i];
    return NULL;
}

/* A key is the number of an entry and, above it, of the entry's present life. */
static struct nic_entry *entry_of(struct nic *nic, uint32_t key) {
    uint32_t index = (key & 0xFFFF) - 1;
    if (index >= REGISTRATIONS_PER_NIC) return NULL;
    return &nic->entries[index];
}
static bool is_life(uint64_t word, uint32_t key) {
    return (word & USED) != 0 && (uint16_t)(word >> 32) == key >> 16;
}

/* One thread at a time, by the cache's lock; only nic_detach() runs beside it. */
uint32_t nic_attach(void *context, uint32_t adapter, uintptr_t start, uintptr_t end, uint64_t pin,
                    uint64_t segment) {
    (void)context;
    struct nic *nic = nic_of(adapter);
    for (uint32_t i = 0; nic != NULL && i < REGISTRATIONS_PER_NIC; i++) {
        struct nic_entry *entry = &nic->entries[i];
        uint64_t word = atomic_load(&entry->word);
        if (word & USED) continue;
        entry->start = start;
        entry->end = end;
        entry->pages = (pindown_pages){pin, segment};
        uint64_t generation = (word >> 32) + 1;
        atomic_store(&entry->word, generation << 32 | OPEN | USED);
        pindown_nic_count(adapter, PINDOWN_NIC_REGISTRATIONS, 1);
        return (uint32_t)(uint16_t)generation << 16 | (i + 1);
    }
    return 0;
}

static bool is_past(uint64_t deadline) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec >= deadline;
}

/* Hook context: it may run inside malloc. */
bool nic_detach(void *context, uint32_t adapter, uint32_t key, uint64_t deadline) {
    (void)context;
    struct nic *nic = nic_of(adapter);
    struct nic_entry *entry = nic == NULL ? NULL : entry_of(nic, key);
    if (entry == NULL || !is_life(atomic_load(&entry->word), key)) return true;
    nic_close(entry);
    while (atomic_load(&entry->word) & INSIDE) {
#ifdef PINDOWN_MUTANT_UNPINS_EARLY
        return true;
#endif
        if (is_past(deadline)) return false;
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    }
    atomic_fetch_and(&entry->word, ~USED);
    pindown_nic_count(adapter, PINDOWN_NIC_REGISTRATIONS, -1);
    return true;
}

bool nic_is_open_in(struct nic_entry *entry, uintptr_t start, uintptr_t end) {
    return (atomic_load(&entry->word) & OPEN) != 0 && entry->start < end && start < entry->end;
}

void nic_close(struct nic_entry *entry) { atomic_fetch_and(&entry->word, ~OPEN); }

struct nic_entry *nic_enter(int nic, uint32_t key) {
    struct nic_entry *entry = entry_of(&nics[nic], key);
    if (entry == NULL) return NULL;
    uint64_t word = atomic_load(&entry->word);
    do {
        if (!(word & OPEN) || !is_life(word, key)) return NULL;
    } while (!atomic_compare_exchange_weak(&entry->word, &word, word + 1));
    return entry;
}

void nic_leave(struct nic_entry *entry) { atomic_fetch_sub(&entry->word, 1); }

int nic_of_address(uint32_t address) {
    for (int i = 0; i < NICS; i++)
        if (nics[i].address == address) return i;
    return -1;
}

int nic_reaching(uint32_t address) {
    for (int i = 0; i < NICS; i++)
        if ((nics[i].address ^ address) >> (32 - PREFIX_LENGTH) == 0) return i;
    return -1;
}

void nic_count(int nic, pindown_nic_counter counter, int64_t amount) {
    if (nic >= 0) pindown_nic_count(nics[nic].adapter, counter, amount);
}
