/* Any bytes as the body of a registry's answer. */
#include "fuzz.h"

#include "registry/answer.h"

enum { MAX_BYTES = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"AVRO", "JSON", "PROTOBUF", ""};
    const struct sluice_str body = {(const char *)data, size};
    struct sluice_error err;
    char message[64];
    for (size_t i = 0; i <= SLUICE_N_ELEMENTS(types); i++) {
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        SLUICE_AUTO(answer_schema) struct answer_schema schema = {0};
        sluice_arena_init(&arena, MAX_BYTES, "a registry's answer");
        enum sluice_code code = i < SLUICE_N_ELEMENTS(types)
                                    ? answer_take_bare(body, types[i], "http://r", &arena, &schema, &err)
                                    : answer_read_schema(body, "http://r", &arena, &schema, &err);
        if (code == SLUICE_OK && schema.text.len > size)
            SLUICE_BUG("a schema that is longer than the answer");
    }
    answer_message(body, message, sizeof message);
    if (memchr(message, '\0', sizeof message) == NULL)
        SLUICE_BUG("a message without an end");
    return 0;
}
