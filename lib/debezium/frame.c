/* frame.c - see frame.h. */
#include "debezium/frame.h"

#include <stdio.h>

enum { ID_BYTES = 4, GUID_BYTES = 16, MAGIC_ID = 0, MAGIC_GUID = 1 };

#define refuse(err, ...) sluice_error_set(err, SLUICE_E_AVRO, SLUICE_REJECT, __VA_ARGS__)

static uint64_t big_endian(const char *bytes, size_t n)
{
    uint64_t number = 0;
    for (size_t i = 0; i < n; i++)
        number = number << 8 | (unsigned char)bytes[i];
    return number;
}

static enum sluice_code read_id(struct sluice_str bytes, struct registry_ref *ref, size_t *n_used,
                                struct sluice_error *err)
{
    size_t n = bytes.ptr[0] == MAGIC_ID ? ID_BYTES : GUID_BYTES;
    if (bytes.len < 1 + n)
        return refuse(err, "the schema's id is cut off: %zu bytes in all", bytes.len);
    *n_used = 1 + n;
    if (n == GUID_BYTES) {
        *ref = (struct registry_ref){.kind = REGISTRY_GUID};
        memcpy(ref->guid, bytes.ptr + 1, GUID_BYTES);
        return SLUICE_OK;
    }
    *ref = (struct registry_ref){.kind = REGISTRY_ID, .id = big_endian(bytes.ptr + 1, ID_BYTES)};
    if (ref->id == 0)
        return refuse(err,
                      "it begins with schema id 0, which no registry gives; if this is Apicurio's own framing with "
                      "ids of 8 bytes, let its converter write Confluent's (apicurio.registry.as-confluent=true) "
                      "or ids in headers (apicurio.registry.headers.enabled=true)");
    return SLUICE_OK;
}

enum sluice_code frame_read(struct sluice_str bytes, struct frame *out, struct sluice_error *err)
{
    size_t n_used = 0;
    *out = (struct frame){.payload = bytes};
    if (bytes.len == 0 || (unsigned char)bytes.ptr[0] > MAGIC_GUID)
        return SLUICE_OK;
    enum sluice_code code = read_id(bytes, &out->ref, &n_used, err);
    if (code != SLUICE_OK)
        return code;
    out->is_framed = true;
    out->payload = (struct sluice_str){bytes.ptr + n_used, bytes.len - n_used};
    return SLUICE_OK;
}

static enum sluice_code read_apicurio(struct sluice_str value, enum registry_ref_kind kind, const char *name,
                                      struct frame *out, struct sluice_error *err)
{
    if (value.len != sizeof(uint64_t))
        return refuse(err, "header \"%s\" has %zu bytes, not 8", name, value.len);
    out->ref = (struct registry_ref){.kind = kind, .id = big_endian(value.ptr, value.len)};
    return SLUICE_OK;
}

static enum sluice_code read_confluent(struct sluice_str value, const char *name, struct frame *out,
                                       struct sluice_error *err)
{
    size_t n_used = 0;
    if (value.len == 0 || (unsigned char)value.ptr[0] > MAGIC_GUID)
        return refuse(err, "header \"%s\" is no schema id: it begins with neither 0 nor 1", name);
    enum sluice_code code = read_id(value, &out->ref, &n_used, err);
    if (code == SLUICE_OK && n_used != value.len)
        code = refuse(err, "it has %zu bytes, not %zu", value.len, n_used);
    return code == SLUICE_OK ? code : sluice_error_wrap(err, "header \"%s\"", name);
}

enum sluice_code frame_read_headers(frame_header_fn find, const void *record, enum frame_side side,
                                    struct sluice_str bytes, struct frame *out, struct sluice_error *err)
{
    static const struct {
        const char *confluent;
        const char *global_id;
        const char *content_id;
        const char *encoding;
    } names[] = {
        [FRAME_KEY] = {"__key_schema_id", "apicurio.key.globalId", "apicurio.key.contentId", "apicurio.key.encoding"},
        [FRAME_VALUE] = {"__value_schema_id", "apicurio.value.globalId", "apicurio.value.contentId",
                         "apicurio.value.encoding"},
    };
    struct sluice_str value;
    enum sluice_code code = SLUICE_OK;
    *out = (struct frame){.payload = bytes};
    if (find(record, names[side].confluent, &value))
        code = read_confluent(value, names[side].confluent, out, err);
    else if (find(record, names[side].global_id, &value))
        code = read_apicurio(value, REGISTRY_GLOBAL_ID, names[side].global_id, out, err);
    else if (find(record, names[side].content_id, &value))
        code = read_apicurio(value, REGISTRY_CONTENT_ID, names[side].content_id, out, err);
    else
        return SLUICE_OK;
    if (code != SLUICE_OK)
        return code;
    if (find(record, names[side].encoding, &value) && !sluice_str_equal_z(value, "BINARY"))
        return refuse(err, "header \"%s\" is \"%.*s\"; let the converter write Avro's binary encoding",
                      names[side].encoding, SLUICE_STR_ARG(value));
    out->is_framed = true;
    out->in_header = true;
    return SLUICE_OK;
}
