/* A process to look at: publishes two adapters, two providers, sockets, regions and events as the
   published layout (version 3) says, by offsets of its own, and obeys control requests.

   Lines on standard input: `event` appends one, `region` adds one, `begin` begins an update and
   leaves it open, `end` ends it. After each, `done` is printed; at the beginning, `ready`. */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    page = 4096,
    providers = page,
    nics = providers + 16 * 512,
    sockets = nics + 8 * 512,
    regions = sockets + 4096 * 128,
    registrations = regions + 65536 * 128,
    frames = registrations + 65536 * 64,
    events = frames + 65536 * 512,
    total = events + 16384 * 96,
};

static unsigned char *base;
static unsigned char *buffer;
static const size_t buffer_length = 3 * page;

static _Atomic uint64_t *word(size_t offset) { return (_Atomic uint64_t *)(void *)(base + offset); }

static _Atomic uint32_t *half(size_t offset) { return (_Atomic uint32_t *)(void *)(base + offset); }

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t start_ticks(void) {
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "r");
    if (file == NULL) {
        abort();
    }
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    char *rest = strrchr(text, ')');
    uint64_t ticks = 0;
    for (int field = 2; rest != NULL && field < 22; field++) {
        rest = strchr(rest + 1, ' ');
    }
    if (rest == NULL || sscanf(rest, "%" SCNu64, &ticks) != 1) {
        abort();
    }
    return ticks;
}

static void begin(void) { atomic_fetch_add(word(32), 1); }

static void end(void) { atomic_fetch_add(word(40), 1); }

static void append_event(uint32_t kind, uint32_t detail, uint32_t provider, uint32_t nic) {
    uint64_t number = atomic_fetch_add(word(48), 1);
    size_t at = events + (size_t)(number % 16384) * 96;
    atomic_store(word(at), 0);
    atomic_store(word(at + 8), now());
    atomic_store(word(at + 16), (uint64_t)(uintptr_t)buffer);
    atomic_store(word(at + 24), (uint64_t)(uintptr_t)buffer + buffer_length);
    atomic_store(half(at + 32), kind);
    atomic_store(half(at + 36), detail);
    atomic_store(half(at + 40), 0);
    atomic_store(half(at + 44), provider);
    atomic_store(half(at + 48), nic);
    atomic_store(half(at + 52), UINT32_MAX);
    atomic_store(half(at + 56), (uint32_t)getpid());
    atomic_store(word(at + 64), 1500);
    atomic_store(word(at), number + 1);
}

/* States: 2 live. The generation counts the uses of the record. */
static void put_region(size_t index, uint64_t start, uint64_t length, uint32_t references) {
    size_t at = regions + index * 128;
    atomic_store(word(at + 8), start);
    atomic_store(word(at + 16), start + length);
    atomic_store(word(at + 24), 1700000000000000000u);
    atomic_store(half(at + 32), 0);
    atomic_store(half(at + 40), 3);
    atomic_store(half(at + 44), 3);
    atomic_store(half(at + 48), 0x11);
    atomic_store(half(at + 52), 0x22);
    atomic_store(half(at + 88), 2);
    atomic_store(word(at), (uint64_t)7 << 32 | (uint64_t)2 << 24 | references);
}

static void drop_regions(uint64_t start, uint64_t stop, int unused_only) {
    begin();
    for (size_t index = 0; index < 64; index++) {
        size_t at = regions + index * 128;
        uint64_t state = atomic_load(word(at));
        if ((state >> 24 & 255) != 2 || (unused_only && (state & 0xffffff) != 0)) {
            continue;
        }
        if (atomic_load(word(at + 8)) < stop && start < atomic_load(word(at + 16))) {
            atomic_store(word(at), (uint64_t)8 << 32);
            append_event(6, 0, 0, UINT32_MAX);
        }
    }
    end();
}

static const char *obey(const char *line) {
    char provider[64], key[64], value[64];
    uint64_t start, length;
    if (sscanf(line, "flush %63s", provider) == 1) {
        drop_regions(0, UINT64_MAX, 1);
        return "ok";
    }
    if (sscanf(line, "invalidate %63s 0x%" SCNx64 " %" SCNu64, provider, &start, &length) == 3) {
        drop_regions(start, start + length, 0);
        return "ok";
    }
    if (sscanf(line, "set %63s %63s %63s", provider, key, value) == 3) {
        uint64_t number = strcmp(value, "max") == 0 ? UINT64_MAX : strtoull(value, NULL, 10);
        if (number == 13) {
            return "error ERANGE thirteen is out of range";
        }
        atomic_store(word(providers + (strcmp(key, "max_bytes") == 0 ? 64 : 72)), number);
        return "ok";
    }
    return "error EINVAL no such request";
}

static void *control(void *argument) {
    int listener = *(int *)argument;
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        char line[4096];
        ssize_t length = recv(connection, line, sizeof line - 1, 0);
        if (length > 0) {
            line[length] = 0;
            const char *answer = obey(line);
            send(connection, answer, strlen(answer), MSG_NOSIGNAL);
        }
        close(connection);
    }
    return NULL;
}

static void listen_for_control(void) {
    static int listener;
    static pthread_t thread;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char *name = (char *)base + 128;
    snprintf(name, 96, "pindown-fixture-%d", getpid());
    memcpy(address.sun_path + 1, name, strlen(name));
    listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    socklen_t length = (socklen_t)(sizeof(sa_family_t) + 1 + strlen(name));
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 8) != 0 ||
        pthread_create(&thread, NULL, control, &listener) != 0) {
        abort();
    }
}

static uint64_t frame_of(const void *address) {
    uint64_t entry = 0;
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    off_t offset = (off_t)((uintptr_t)address / page * sizeof entry);
    if (pagemap < 0 || pread(pagemap, &entry, sizeof entry, offset) != (ssize_t)sizeof entry) {
        abort();
    }
    close(pagemap);
    return entry & ((UINT64_C(1) << 55) - 1);
}

static void put_frames(void) {
    for (size_t index = 0; index < 3; index++) {
        buffer[index * page] = 1;
        atomic_store(word(frames + 8 + 8 * index), frame_of(buffer + index * page));
    }
    atomic_store(half(regions + 80), 1);
    atomic_store(half(regions + 84), 3);
}

static void put_provider(size_t index, const char *name) {
    size_t at = providers + index * 512;
    strcpy((char *)base + at + 16, name);
    atomic_store(word(at + 64), UINT64_MAX);
    atomic_store(word(at + 72), 1000);
    atomic_store(word(at + 80), 41);
    atomic_store(half(at), 1);
}

static void put_nic(size_t index, const char *name, uint32_t address) {
    size_t at = nics + index * 512;
    strcpy((char *)base + at + 16, name);
    atomic_store(half(at + 4), address);
    atomic_store(half(at + 8), 24);
    atomic_store(word(at + 96), 5);
    atomic_store(half(at), 1);
}

static void put_socket(void) {
    size_t at = sockets + 3 * 128;
    atomic_store(half(at + 12), 0x0a4d0001);
    atomic_store(half(at + 16), 7000);
    atomic_store(half(at + 20), 0x0a4d0001);
    atomic_store(half(at + 24), 7001);
    atomic_store(half(at + 28), (uint32_t)getpid());
    atomic_store(half(at), 5);
    at = registrations;
    atomic_store(half(at + 8), 3);
    atomic_store(half(at + 16), 7);
    atomic_store(half(at + 20), 3);
    atomic_store(word(at + 24), (uint64_t)(uintptr_t)buffer);
    atomic_store(word(at + 32), (uint64_t)(uintptr_t)buffer + 100);
    atomic_store(half(at + 44), 0x99);
    atomic_store(word(at), (uint64_t)1 << 32 | 2);
}

static void publish(void) {
    int descriptor = memfd_create("pindown-inspection", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0 || ftruncate(descriptor, total) != 0) {
        abort();
    }
    base = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (base == MAP_FAILED || fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
        abort();
    }
    atomic_store(half(8), 3);
    atomic_store(half(12), (uint32_t)getpid());
    atomic_store(word(16), start_ticks());
    atomic_store(word(24), now());
    atomic_store(half(56), 5);
    atomic_store(half(60), 1);
    begin();
    put_nic(0, "mem0", 0x0a4d0001);
    put_nic(1, "mem1", 0x0a4d0101);
    put_provider(0, "memfd");
    put_provider(1, "odd/name");
    put_region(0, (uint64_t)(uintptr_t)buffer, buffer_length, 1);
    put_frames();
    put_region(1, 0x7000000000, 16 << 20, 0);
    put_socket();
    end();
    append_event(3, 0, 0, 0);
    append_event(1, 1, UINT32_MAX, UINT32_MAX);
    append_event(2, 0, 0, UINT32_MAX);
    append_event(4, 0, 0, 1);
    listen_for_control();
    atomic_store(word(0), UINT64_C(0x314E574F444E4950));
}

int main(void) {
    buffer = mmap(NULL, buffer_length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) {
        abort();
    }
    publish();
    puts("ready");
    fflush(stdout);
    char line[64];
    size_t count = 2;
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strcmp(line, "event\n") == 0) {
            append_event(2, 0, 0, 0);
        } else if (strcmp(line, "region\n") == 0 && count < 64) {
            begin();
            put_region(count, 0x7000000000 + count * (32 << 20), 4096, 0);
            end();
            count++;
        } else if (strcmp(line, "begin\n") == 0) {
            begin();
        } else if (strcmp(line, "end\n") == 0) {
            end();
        }
        puts("done");
        fflush(stdout);
    }
    return 0;
}
