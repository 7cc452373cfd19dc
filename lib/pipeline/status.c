/* status.c - see status.h. */
#include "pipeline/status.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The reader turns many times a second; a minute without a turn means that it hangs. */
static const int64_t live_limit_us = INT64_C(60000000);

void status_init(struct sluice_status *status, const char *name, const struct sluice_budget *budget)
{
    *status = (struct sluice_status){.name = name, .version = SLUICE_VERSION, .budget = budget};
    if (pthread_mutex_init(&status->lock, NULL) != 0)
        SLUICE_BUG("set up of the status lock");
    status->started_mono_us = sluice_mono_us();
    atomic_store(&status->polled_mono_us, status->started_mono_us);
}

void status_deinit(struct sluice_status *status)
{
    while (status->partitions != NULL) {
        struct partition_status *entry = status->partitions;
        status->partitions = entry->next;
        status_unref(entry);
    }
    (void)pthread_mutex_destroy(&status->lock);
}

struct partition_status *status_add(struct sluice_status *status, const char *topic, int32_t id)
{
    struct partition_status *entry = calloc(1, sizeof *entry);
    size_t n = strlen(topic) + 1;
    char *name = malloc(n);
    if (entry == NULL || name == NULL) {
        free(entry);
        free(name);
        return NULL;
    }
    memcpy(name, topic, n);
    entry->topic = name;
    entry->id = id;
    atomic_init(&entry->n_refs, 2); /* the list and the caller */
    atomic_init(&entry->committed, -1);
    atomic_init(&entry->durable, -1);
    atomic_init(&entry->ledger_state, -1);
    atomic_init(&entry->end, -1);
    (void)pthread_mutex_lock(&status->lock);
    entry->next = status->partitions;
    status->partitions = entry;
    (void)pthread_mutex_unlock(&status->lock);
    return entry;
}

void status_remove(struct sluice_status *status, struct partition_status *entry)
{
    bool found = false;
    (void)pthread_mutex_lock(&status->lock);
    for (struct partition_status **at = &status->partitions; *at != NULL; at = &(*at)->next) {
        if (*at == entry) {
            *at = entry->next;
            found = true;
            break;
        }
    }
    (void)pthread_mutex_unlock(&status->lock);
    if (found)
        status_unref(entry);
}

void status_unref(struct partition_status *entry)
{
    if (entry == NULL || atomic_fetch_sub(&entry->n_refs, 1) != 1)
        return;
    free(entry->topic);
    free(entry);
}

void status_set_error(struct sluice_status *status, struct partition_status *entry, const char *text)
{
    (void)pthread_mutex_lock(&status->lock);
    (void)snprintf(entry->error, sizeof entry->error, "%s", text);
    (void)pthread_mutex_unlock(&status->lock);
    atomic_store(&entry->stopped, text[0] != '\0');
}

void status_set_waiting(struct sluice_status *status, struct partition_status *entry, enum status_waits who,
                        const char *text)
{
    const bool waits = text[0] != '\0';
    if (!waits && !atomic_load(&entry->waits[who]))
        return;
    (void)pthread_mutex_lock(&status->lock);
    (void)snprintf(entry->why[who], sizeof entry->why[who], "%s", text);
    (void)pthread_mutex_unlock(&status->lock);
    atomic_store(&entry->waits[who], waits);
}

/* The lock is held. Why it stopped, or what it waits for; "" while it runs. */
static const char *error_of(const struct partition_status *entry)
{
    if (entry->error[0] != '\0')
        return entry->error;
    return entry->why[STATUS_LANE][0] != '\0' ? entry->why[STATUS_LANE] : entry->why[STATUS_READER];
}

static enum sluice_code append_text(struct sluice_buf *json, const char *text, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_char(json, '"', err);
    for (; code == SLUICE_OK && *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            code = sluice_buf_printf(json, err, "\\%c", c);
        else if (c < 0x20)
            code = sluice_buf_printf(json, err, "\\u%04x", c);
        else
            code = sluice_buf_append_char(json, (char)c, err);
    }
    return code != SLUICE_OK ? code : sluice_buf_append_char(json, '"', err);
}

int64_t status_lag(const struct partition_status *entry)
{
    int64_t position = atomic_load(&entry->position);
    int64_t end = atomic_load(&entry->end); /* looked up now and then, so it may lie behind what was read */
    int64_t done = atomic_load(&entry->durable);
    if (end < position)
        end = position;
    if (done < 0)
        done = position;
    if (done < 0)
        done = 0; /* nothing read yet, from a start that is no number */
    return end > done ? end - done : 0;
}

static enum sluice_code append_partition(const struct partition_status *entry, struct sluice_buf *json,
                                         struct sluice_error *err)
{
    const char *state = atomic_load(&entry->stopped) ? "stopped" : atomic_load(&entry->paused) ? "paused" : "running";
    uint64_t lsn = atomic_load(&entry->lsn);
    enum sluice_code code = sluice_buf_append_z(json, "{\"topic\":", err);
    if (code == SLUICE_OK)
        code = append_text(json, entry->topic, err);
    if (code == SLUICE_OK)
        code = sluice_buf_printf(json, err,
                                 ",\"partition\":%" PRId32 ",\"state\":\"%s\",\"position\":%" PRId64
                                 ",\"durable\":%" PRId64 ",\"committed\":%" PRId64 ",\"end\":%" PRId64
                                 ",\"lag_records\":%" PRId64 ",\"lsn\":\"%" PRIX64 "/%" PRIX64 "\",\"error\":",
                                 entry->id, state, atomic_load(&entry->position), atomic_load(&entry->durable),
                                 atomic_load(&entry->committed), atomic_load(&entry->end), status_lag(entry), lsn >> 32,
                                 lsn & UINT32_MAX);
    if (code == SLUICE_OK)
        code = append_text(json, error_of(entry), err);
    return code != SLUICE_OK ? code : sluice_buf_append_char(json, '}', err);
}

static enum sluice_code append_partitions(struct sluice_status *status, struct sluice_buf *json,
                                          struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    (void)pthread_mutex_lock(&status->lock);
    for (const struct partition_status *entry = status->partitions; code == SLUICE_OK && entry != NULL;
         entry = entry->next) {
        if (entry != status->partitions)
            code = sluice_buf_append_char(json, ',', err);
        if (code == SLUICE_OK)
            code = append_partition(entry, json, err);
    }
    (void)pthread_mutex_unlock(&status->lock);
    return code;
}

enum sluice_code status_json(struct sluice_status *status, struct sluice_buf *json, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_z(json, "{\"name\":", err);
    if (code == SLUICE_OK)
        code = append_text(json, status->name, err);
    if (code == SLUICE_OK)
        code = sluice_buf_printf(
            json, err,
            ",\"version\":\"%s\",\"uptime_seconds\":%" PRId64 ",\"joined\":%s,\"clickhouse_ok\":%s,\"draining\":%s"
            ",\"records\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"buffered_bytes\":%zu,\"memory_limit_bytes\":%zu"
            ",\"peak_buffered_bytes\":%zu,\"partitions\":[",
            status->version, (sluice_mono_us() - status->started_mono_us) / 1000000,
            atomic_load(&status->joined) ? "true" : "false", atomic_load(&status->server_ok) ? "true" : "false",
            atomic_load(&status->draining) ? "true" : "false", atomic_load(&status->n_records),
            atomic_load(&status->n_rows), sluice_budget_used(status->budget), status->budget->limit,
            atomic_load(&status->budget->peak));
    if (code == SLUICE_OK)
        code = append_partitions(status, json, err);
    return code != SLUICE_OK ? code : sluice_buf_append_z(json, "]}\n", err);
}

void status_set_server(struct sluice_status *status, bool ok, const char *why)
{
    if (!ok) {
        (void)pthread_mutex_lock(&status->lock);
        (void)snprintf(status->server_error, sizeof status->server_error, "%s", why);
        (void)pthread_mutex_unlock(&status->lock);
    }
    atomic_store(&status->server_ok, ok);
}

static bool is_waiting(const struct partition_status *entry)
{
    return !atomic_load(&entry->stopped) && (atomic_load(&entry->held) || atomic_load(&entry->waits[STATUS_LANE]) ||
                                             atomic_load(&entry->waits[STATUS_READER]));
}

static enum sluice_code append_waiting(struct sluice_status *status, bool *found, struct sluice_buf *text,
                                       struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    (void)pthread_mutex_lock(&status->lock);
    for (const struct partition_status *entry = status->partitions; code == SLUICE_OK && entry != NULL;
         entry = entry->next) {
        const char *why = error_of(entry);
        if (!is_waiting(entry))
            continue;
        *found = true;
        code = sluice_buf_printf(text, err, "waiting: topic \"%s\" partition %" PRId32 ": %s\n", entry->topic,
                                 entry->id, why[0] != '\0' ? why : "the last attempt failed");
    }
    (void)pthread_mutex_unlock(&status->lock);
    return code;
}

static enum sluice_code append_server_error(struct sluice_status *status, struct sluice_buf *text,
                                            struct sluice_error *err)
{
    (void)pthread_mutex_lock(&status->lock);
    enum sluice_code code = sluice_buf_printf(text, err, "waiting for ClickHouse: %s\n", status->server_error);
    (void)pthread_mutex_unlock(&status->lock);
    return code;
}

enum sluice_code status_live(struct sluice_status *status, bool *ok, struct sluice_buf *text, struct sluice_error *err)
{
    *ok = sluice_mono_us() - atomic_load(&status->polled_mono_us) < live_limit_us;
    return sluice_buf_append_z(text, *ok ? "ok\n" : "the consumer has not turned for a minute\n", err);
}

static enum sluice_code append_stopped(struct sluice_status *status, bool *found, struct sluice_buf *text,
                                       struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    (void)pthread_mutex_lock(&status->lock);
    for (const struct partition_status *entry = status->partitions; code == SLUICE_OK && entry != NULL;
         entry = entry->next) {
        if (!atomic_load(&entry->stopped))
            continue;
        *found = true;
        code = sluice_buf_printf(text, err, "stopped: %s\n", entry->error);
    }
    (void)pthread_mutex_unlock(&status->lock);
    return code;
}

enum sluice_code status_ready(struct sluice_status *status, bool *ok, struct sluice_buf *text, struct sluice_error *err)
{
    const char *why = NULL;
    bool stopped = false;
    bool waits = false;
    enum sluice_code code = append_stopped(status, &stopped, text, err);
    if (code == SLUICE_OK)
        code = append_waiting(status, &waits, text, err);
    if (code != SLUICE_OK)
        return code;
    if (atomic_load(&status->draining))
        why = "draining";
    else if (!atomic_load(&status->joined))
        why = "not yet a member of the consumer group";
    bool server_ok = atomic_load(&status->server_ok);
    *ok = why == NULL && server_ok && !waits && !stopped;
    if (why != NULL)
        return sluice_buf_printf(text, err, "%s\n", why);
    if (!server_ok && !waits)
        return append_server_error(status, text, err);
    return *ok ? sluice_buf_append_z(text, "ok\n", err) : SLUICE_OK;
}
