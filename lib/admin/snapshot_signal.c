/* snapshot_signal.c - see snapshot_signal.h. */
#include "admin/snapshot_signal.h"

#include "config/output.h"

#include <ctype.h>
#include <string.h>

static bool is_plain(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c < 0x80 && isalnum(c) == 0 && c != '_' && c != '-')
            return false;
    }
    return name[0] != '\0';
}

enum sluice_code snapshot_signal_check(const struct snapshot_signal *signal, struct sluice_error *err)
{
    const char *wrong = !is_plain(signal->schema) ? signal->schema : !is_plain(signal->table) ? signal->table : NULL;
    if (wrong == NULL)
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                            "\"%s\" has characters that Debezium reads as a pattern in a signal, so another table may "
                            "be read, or the condition be ignored; send the signal by hand",
                            wrong);
}

/* A name in double quotes for SQL; it has none in it. */
static json_t *filter_json(const struct snapshot_signal *signal)
{
    if (signal->type == SLUICE_SNAPSHOT_BLOCKING)
        return json_sprintf("SELECT * FROM \"%s\".\"%s\" WHERE (%s)", signal->schema, signal->table, signal->where);
    return json_string(signal->where);
}

static json_t *data_json(const struct snapshot_signal *signal)
{
    json_t *data = json_pack("{s:[o], s:s}", "data-collections", json_sprintf("%s.%s", signal->schema, signal->table),
                             "type", signal->type == SLUICE_SNAPSHOT_BLOCKING ? "blocking" : "incremental");
    if (data != NULL && signal->where != NULL)
        (void)json_object_set_new(data, "additional-conditions",
                                  json_pack("[{s:o, s:o}]", "data-collection",
                                            json_sprintf("%s.%s", signal->schema, signal->table), "filter",
                                            filter_json(signal)));
    if (data != NULL && signal->surrogate_key != NULL)
        (void)json_object_set_new(data, "surrogate-key", json_string(signal->surrogate_key));
    /* A part that could not be made is missing: a snapshot of more than was asked for. */
    if (data != NULL && json_object_size(data) != 2u + (signal->where != NULL) + (signal->surrogate_key != NULL)) {
        json_decref(data);
        return NULL;
    }
    return data;
}

static int append_part(const char *text, size_t n, void *context)
{
    struct sluice_error ignored;
    return sluice_buf_append(context, text, n, &ignored) == SLUICE_OK ? 0 : -1;
}

static enum sluice_code append_json(const json_t *root, struct sluice_buf *out, struct sluice_error *err)
{
    if (root != NULL && json_dump_callback(root, append_part, out, JSON_COMPACT) == 0)
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                            "the signal can't be written as JSON: is the condition UTF-8, and shorter than 64 KiB?");
}

enum sluice_code snapshot_signal_data(const struct snapshot_signal *signal, struct sluice_buf *out,
                                      struct sluice_error *err)
{
    SLUICE_AUTO(json) json_t *data = data_json(signal);
    return append_json(data, out, err);
}

enum sluice_code snapshot_signal_record(const struct snapshot_signal *signal, struct sluice_buf *out,
                                        struct sluice_error *err)
{
    SLUICE_AUTO(json)
    json_t *record =
        json_pack("{s:s, s:s, s:o}", "id", signal->id, "type", SNAPSHOT_SIGNAL_TYPE, "data", data_json(signal));
    return append_json(record, out, err);
}
