#include "params.h"

#include <stdio.h>
#include <string.h>

enum reserved {
    PARAM_SETTING,
    PARAM_IGNORED,
    PARAM_QUERY_ID,
    PARAM_DATABASE,
    PARAM_FORMAT,
    PARAM_DECOMPRESS,
    PARAM_COMPRESS,
    PARAM_SESSION,
    PARAM_SESSION_CHECK
};

/* Never settings; those without a meaning here are taken and forgotten. client_protocol_version would change the Native
 * format; clients find out that it did not. */
static const struct {
    const char *name;
    enum reserved what;
} reserved_names[] = {
    {"query", PARAM_IGNORED},           {"user", PARAM_IGNORED},
    {"password", PARAM_IGNORED},        {"quota_key", PARAM_IGNORED},
    {"stacktrace", PARAM_IGNORED},      {"role", PARAM_IGNORED},
    {"buffer_size", PARAM_IGNORED},     {"wait_end_of_query", PARAM_IGNORED},
    {"session_timeout", PARAM_IGNORED}, {"client_protocol_version", PARAM_IGNORED},
    {"close_session", PARAM_IGNORED},   {"query_id", PARAM_QUERY_ID},
    {"database", PARAM_DATABASE},       {"default_format", PARAM_FORMAT},
    {"decompress", PARAM_DECOMPRESS},   {"compress", PARAM_COMPRESS},
    {"session_id", PARAM_SESSION},      {"session_check", PARAM_SESSION_CHECK},
};

struct reader {
    struct request *request;
    char *query_id;
    size_t query_id_size;
};

static enum reserved kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof reserved_names / sizeof reserved_names[0]; i++)
        if (strcmp(reserved_names[i].name, name) == 0)
            return reserved_names[i].what;
    return PARAM_SETTING;
}

static void copy(struct request *r, const char *name, const char *value, char *to, size_t size)
{
    int n = snprintf(to, size, "%s", value);
    if (n < 0 || (size_t)n >= size)
        failure_set(&r->failure, FAILURE_BAD_ARGUMENTS, "The value of %s is too long", name);
}

/* Names go into a SET statement as they are. */
static bool is_name(const char *name)
{
    return name[0] != '\0' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0';
}

static void read_setting(struct request *r, const char *name, const char *value)
{
    static const char prefix[] = "param_";
    bool is_param = strncmp(name, prefix, sizeof prefix - 1) == 0;
    struct pairs *to = is_param ? &r->params : &r->settings;
    const char *key = is_param ? name + sizeof prefix - 1 : name;
    if (!is_param && !is_name(name))
        failure_made_up(&r->failure, 115, "UNKNOWN_SETTING", "The name of a URL parameter is no name of a setting");
    else if (!pairs_put(to, key, value))
        failure_set(&r->failure, FAILURE_BAD_ARGUMENTS, "Too many URL parameters: at most %d", PAIRS_MAX);
}

static enum MHD_Result read_one(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct reader *reader = cls;
    struct request *r = reader->request;
    const char *text = value == NULL ? "" : value;
    (void)kind;
    switch (kind_of(name)) {
    case PARAM_SETTING:
        read_setting(r, name, text);
        break;
    case PARAM_IGNORED:
        break;
    case PARAM_QUERY_ID:
        copy(r, name, text, reader->query_id, reader->query_id_size);
        break;
    case PARAM_DATABASE:
        copy(r, name, text, r->database, sizeof r->database);
        break;
    case PARAM_FORMAT:
        copy(r, name, text, r->format, sizeof r->format);
        break;
    case PARAM_DECOMPRESS:
        r->native_frames = strcmp(text, "0") != 0;
        break;
    case PARAM_COMPRESS:
        if (strcmp(text, "0") != 0)
            failure_set(&r->failure, FAILURE_NOT_IMPLEMENTED,
                        "compress=1 is not supported by clickhouse-embedded: answers are not compressed");
        break;
    case PARAM_SESSION:
        r->in_session = true;
        break;
    case PARAM_SESSION_CHECK:
        if (strcmp(text, "0") != 0)
            failure_set(&r->failure, FAILURE_SESSION_NOT_FOUND,
                        "Session not found: sessions are not supported by clickhouse-embedded");
        break;
    }
    return MHD_YES;
}

static enum MHD_Result find_query(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                  const char *value, size_t value_len)
{
    struct params_query *query = cls;
    (void)kind;
    if (name_len == strlen("query") && memcmp(name, "query", name_len) == 0 && value != NULL)
        *query = (struct params_query){.text = value, .len = value_len};
    return MHD_YES;
}

bool params_find_query(struct MHD_Connection *mhd, struct params_query *query)
{
    (void)MHD_get_connection_values_n(mhd, MHD_GET_ARGUMENT_KIND, find_query, query);
    return query->text != NULL;
}

static void read_header(struct MHD_Connection *mhd, struct request *r, const char *name, char *to, size_t size)
{
    const char *value = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name);
    if (value != NULL)
        copy(r, name, value, to, size);
}

void params_read(struct MHD_Connection *mhd, struct request *r, char *query_id, size_t query_id_size)
{
    struct reader reader = {.request = r, .query_id = query_id, .query_id_size = query_id_size};
    (void)MHD_get_connection_values(mhd, MHD_GET_ARGUMENT_KIND, read_one, &reader);
    read_header(mhd, r, "X-ClickHouse-Database", r->database, sizeof r->database);
    read_header(mhd, r, "X-ClickHouse-Format", r->format, sizeof r->format);
    read_header(mhd, r, "X-ClickHouse-Query-Id", query_id, query_id_size);
    read_header(mhd, r, "Content-Encoding", r->encoding, sizeof r->encoding);
    if (r->format[0] == '\0')
        (void)snprintf(r->format, sizeof r->format, "TabSeparated");
}
