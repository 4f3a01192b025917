#include "CLinuxMemory.h"

#include <errno.h>
#include <unistd.h>

enum { page_shift = 12, entries_per_read = 256 };

/* A page's entry in pagemap: bit 63 says that it is present, bits 0 to 54 are its frame. */
static const uint64_t present_bit = (uint64_t)1 << 63;
static const uint64_t frame_mask = ((uint64_t)1 << 55) - 1;

/* Order counts. The finaliser of a well-known 64-bit generator: every bit reaches every other. */
static uint64_t mixed(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) + 0x9e3779b97f4a7c15u;
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
    return hash ^ (hash >> 31);
}

/* Zero is no fingerprint. */
static uint64_t finished(uint64_t hash) { return hash == 0 ? 1 : hash; }

int CLinuxMemory_fingerprint_frames(int pagemap_descriptor, uint64_t start, uint64_t end,
                                    uint64_t *fingerprint, bool *all_present) {
    uint64_t entries[entries_per_read], hash = 0;
    int saved = errno, result = 0;
    *all_present = true;
    while (start < end && result == 0) {
        uint64_t wanted = (end - start) >> page_shift;
        size_t count = wanted < entries_per_read ? (size_t)wanted : entries_per_read;
        ssize_t length = pread(pagemap_descriptor, entries, count * sizeof *entries,
                               (off_t)((start >> page_shift) * sizeof *entries));
        if (length < (ssize_t)sizeof *entries) {
            result = length < 0 && errno == EINTR ? 0 : length < 0 ? -errno : -EIO;
            continue;
        }
        count = (size_t)length / sizeof *entries;
        for (size_t index = 0; index < count; index++) {
            bool is_present = entries[index] & present_bit;
            *all_present = *all_present && is_present;
            hash = mixed(hash, is_present ? entries[index] & frame_mask : 0);
        }
        start += (uint64_t)count << page_shift;
    }
    *fingerprint = finished(hash);
    errno = saved;
    return result;
}

/* What a mapping is of, wherever the kernel has split it: nothing for anonymous memory. */
static uint64_t identity_of(const CLinuxMemory_mapping *mapping) {
    if (mapping->inode == 0) {
        return mapping->shared;
    }
    uint64_t device = (uint64_t)mapping->device_major << 32 | mapping->device_minor;
    uint64_t hash = mixed(mixed(mixed(0, device), mapping->inode), mapping->shared);
    return mixed(hash, mapping->offset - mapping->start);
}

int CLinuxMemory_fingerprint_mapping(int maps_descriptor, uint64_t start, uint64_t end,
                                     bool needs_read, bool needs_write, uint64_t *fingerprint) {
    uint64_t hash = 0, last = UINT64_MAX;
    while (start < end) {
        CLinuxMemory_mapping mapping;
        int error = CLinuxMemory_query_mapping(maps_descriptor, start, &mapping);
        if (error != 0) {
            return error;
        }
        if (mapping.start > start) {
            return -ENOENT;
        }
        if ((needs_read && !mapping.readable) || (needs_write && !mapping.writable)) {
            return -EACCES;
        }
        uint64_t identity = identity_of(&mapping);
        if (identity != last) {
            hash = mixed(hash, identity);
            last = identity;
        }
        start = mapping.end;
    }
    *fingerprint = finished(hash);
    return 0;
}

uint32_t CLinuxMemory_file_mark(uint64_t inode) {
    uint32_t low = (uint32_t)inode & CLinuxMemory_several_files;
    return inode == 0 ? 0 : low == 0 || low == CLinuxMemory_several_files ? 1 : low;
}

uint32_t CLinuxMemory_mapped_file(int maps_descriptor, uint64_t start, uint64_t end) {
    uint32_t mark = 0;
    while (start < end) {
        CLinuxMemory_mapping mapping;
        if (CLinuxMemory_query_mapping(maps_descriptor, start, &mapping) != 0 ||
            mapping.start >= end) {
            break;
        }
        uint32_t next = CLinuxMemory_file_mark(mapping.inode);
        if (next != 0 && mark != 0 && next != mark) {
            return CLinuxMemory_several_files;
        }
        mark = next != 0 ? next : mark;
        start = mapping.end;
    }
    return mark;
}

bool CLinuxMemory_maps_file(int maps_descriptor, uint64_t start, uint64_t end, uint64_t inode,
                            uint64_t first_offset, uint64_t end_offset) {
    while (start < end) {
        CLinuxMemory_mapping mapping;
        if (CLinuxMemory_query_mapping(maps_descriptor, start, &mapping) != 0 ||
            mapping.start >= end) {
            return false;
        }
        uint64_t from = mapping.start > start ? mapping.start : start;
        uint64_t to = mapping.end < end ? mapping.end : end;
        uint64_t offset = mapping.offset + (from - mapping.start);
        if (mapping.inode == inode && offset < end_offset && first_offset < offset + (to - from)) {
            return true;
        }
        start = mapping.end;
    }
    return false;
}
