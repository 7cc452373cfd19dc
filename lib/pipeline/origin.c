/* origin.c - see origin.h. */
#include "pipeline/origin.h"

#include <string.h>

static bool copy_header(const struct sluice_message_ops *ops, const rd_kafka_message_t *message, const char *name,
                        char *text, size_t size)
{
    struct sluice_str value;
    if (!ops->find_header(message, name, &value) || value.ptr == NULL || value.len >= size)
        return false;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    return true;
}

static bool read_number(const struct sluice_message_ops *ops, const rd_kafka_message_t *message, const char *name,
                        int64_t max, int64_t *out)
{
    char text[24];
    int64_t number = 0;
    if (!copy_header(ops, message, name, text, sizeof text) || text[0] == '\0')
        return false;
    for (const char *at = text; *at != '\0'; at++) {
        int digit = *at - '0';
        if (digit < 0 || digit > 9 || number > (max - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

/* Decimal digits of 128 bits. */
static bool read_version(const char *text, struct sluice_version *out)
{
    uint32_t parts[4] = {0, 0, 0, 0};
    if (text[0] == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t carry = (uint64_t)(*text - '0');
        for (size_t i = SLUICE_N_ELEMENTS(parts); i-- > 0;) {
            uint64_t value = (uint64_t)parts[i] * 10 + carry;
            parts[i] = (uint32_t)value;
            carry = value >> 32;
        }
        if (carry != 0)
            return false;
    }
    *out = (struct sluice_version){(uint64_t)parts[0] << 32 | parts[1], (uint64_t)parts[2] << 32 | parts[3]};
    return true;
}

enum sluice_code origin_read(const struct sluice_message_ops *ops, const rd_kafka_message_t *message,
                             struct origin *out, struct sluice_error *err)
{
    char state[SLUICE_SOURCE_STATE_TEXT];
    char version[48];
    int64_t partition = 0;
    out->has_version = copy_header(ops, message, "__sluice.version", version, sizeof version);
    bool is_sound = copy_header(ops, message, "__sluice.topic", out->topic, sizeof out->topic) &&
                    out->topic[0] != '\0' && read_number(ops, message, "__sluice.partition", INT32_MAX, &partition) &&
                    read_number(ops, message, "__sluice.offset", INT64_MAX, &out->offset) &&
                    copy_header(ops, message, "__sluice.state", state, sizeof state) &&
                    sluice_source_state_parse(&out->state, state) &&
                    (!out->has_version || read_version(version, &out->version));
    out->partition = (int32_t)partition;
    if (is_sound)
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_STOP_PARTITION,
                            "the record has not the headers of a dead letter, and nothing but sluice dlq replay may "
                            "write to the replay topic; move the group's offset behind it");
}
