/* Runs inputs that were kept, without the fuzzer: replay FILE... */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int main(int count, char **arguments) {
    static uint8_t bytes[1 << 16];
    LLVMFuzzerInitialize(&count, &arguments);
    for (int index = 1; index < count; index++) {
        FILE *file = fopen(arguments[index], "rb");
        if (file == NULL) {
            fprintf(stderr, "replay: %s: %s\n", arguments[index], strerror(errno));
            return 1;
        }
        size_t length = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        LLVMFuzzerTestOneInput(bytes, length);
    }
    printf("%d inputs\n", count - 1);
    return 0;
}
