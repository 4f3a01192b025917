/* A shared library without code: one symbol, `data`, in a data segment that is as large as asked
   for. Made here, byte by byte as the ELF format says, since those of the system have data segments
   of a page or two. */
#include "cell.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char strings[] = "\0data";

/* The file, and the read-only segment of the library. */
typedef struct {
    Elf64_Ehdr header;
    Elf64_Phdr segments[3];
    Elf64_Sym symbols[2];
    uint32_t hash[5]; /* one bucket, two symbols */
    char strings[8];
} image;

/* The beginning of the writable segment; the data follow at its next page. */
typedef struct {
    Elf64_Dyn entries[7];
} dynamic_table;

enum { dynamic_address = page_size, data_address = 2 * page_size };

static void fill_image(image *image, size_t data_length) {
    image->header = (Elf64_Ehdr){
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_DYN,
#if defined(__x86_64__)
        .e_machine = EM_X86_64,
#else
        .e_machine = EM_AARCH64,
#endif
        .e_version = EV_CURRENT,
        .e_phoff = sizeof(Elf64_Ehdr),
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 3,
    };
    image->segments[0] = (Elf64_Phdr){.p_type = PT_LOAD,
                                      .p_flags = PF_R,
                                      .p_filesz = sizeof *image,
                                      .p_memsz = sizeof *image,
                                      .p_align = page_size};
    image->segments[1] = (Elf64_Phdr){.p_type = PT_LOAD,
                                      .p_flags = PF_R | PF_W,
                                      .p_offset = dynamic_address,
                                      .p_vaddr = dynamic_address,
                                      .p_filesz = page_size + data_length,
                                      .p_memsz = page_size + data_length,
                                      .p_align = page_size};
    image->segments[2] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
                                      .p_flags = PF_R | PF_W,
                                      .p_offset = dynamic_address,
                                      .p_vaddr = dynamic_address,
                                      .p_filesz = sizeof(dynamic_table),
                                      .p_memsz = sizeof(dynamic_table),
                                      .p_align = 8};
    image->symbols[1] = (Elf64_Sym){.st_name = 1,
                                    .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
                                    .st_shndx = 1,
                                    .st_value = data_address,
                                    .st_size = data_length};
    const uint32_t hash[5] = {1, 2, 1, 0, 0};
    memcpy(image->hash, hash, sizeof hash);
    memcpy(image->strings, strings, sizeof strings);
}

static const dynamic_table dynamic = {{
    {DT_HASH, {offsetof(image, hash)}},
    {DT_SYMTAB, {offsetof(image, symbols)}},
    {DT_STRTAB, {offsetof(image, strings)}},
    {DT_STRSZ, {sizeof strings}},
    {DT_SYMENT, {sizeof(Elf64_Sym)}},
    {DT_NULL, {0}},
}};

int CMappingChanges_make_library(size_t data_length) {
    image contents = {0};
    fill_image(&contents, data_length);
    int descriptor = memfd_create("pindown-coverage-library", MFD_CLOEXEC);
    if (descriptor < 0 || ftruncate(descriptor, (off_t)(data_address + data_length)) != 0 ||
        pwrite(descriptor, &contents, sizeof contents, 0) < 0 ||
        pwrite(descriptor, &dynamic, sizeof dynamic, dynamic_address) < 0) {
        return -errno;
    }
    return descriptor;
}
