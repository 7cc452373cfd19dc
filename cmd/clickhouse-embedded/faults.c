#include "faults.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAULTS_MAX = 64, DELAY_MAX_MS = 600000 };

struct faults {
    pthread_mutex_t lock; /* guards what follows */
    struct fault list[FAULTS_MAX];
    size_t n;
};

static const char *const kind_names[] = {
    [FAULT_NONE] = "none",           [FAULT_DELAY] = "delay",   [FAULT_CUT_BEFORE] = "cut_before",
    [FAULT_CUT_AFTER] = "cut_after", [FAULT_REFUSE] = "refuse", [FAULT_STATUS] = "status",
    [FAULT_PROXY] = "proxy",
};

struct faults *faults_new(void)
{
    struct faults *fs = calloc(1, sizeof *fs);
    if (fs != NULL)
        pthread_mutex_init(&fs->lock, NULL);
    return fs;
}

void faults_free(struct faults *fs)
{
    if (fs == NULL)
        return;
    pthread_mutex_destroy(&fs->lock);
    free(fs);
}

static enum fault_kind kind_from(const char *name_z)
{
    for (size_t i = FAULT_DELAY; i < sizeof kind_names / sizeof kind_names[0]; i++)
        if (name_z != NULL && strcmp(name_z, kind_names[i]) == 0)
            return (enum fault_kind)i;
    return FAULT_NONE;
}

static bool number(const struct pairs *options, const char *name_z, unsigned long fallback, unsigned long max,
                   unsigned long *value)
{
    const char *text = pairs_find(options, name_z);
    *value = fallback;
    if (text == NULL)
        return true;
    char *end = NULL;
    *value = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && *value <= max;
}

static bool text_option(const struct pairs *options, const char *name_z, const char *fallback_z, char *to, size_t size)
{
    const char *text = pairs_find(options, name_z);
    int n = snprintf(to, size, "%s", text == NULL ? fallback_z : text);
    return n >= 0 && (size_t)n < size;
}

bool fault_parse(struct fault *fault, const struct pairs *options, const char **problem)
{
    unsigned long count, skip, ms, code, status;
    const char *when = pairs_find(options, "when");
    *fault = (struct fault){.kind = kind_from(pairs_find(options, "kind"))};
    *problem = NULL;
    if (fault->kind == FAULT_NONE)
        *problem = "kind must be delay, cut_before, cut_after, refuse, status or proxy";
    else if (!number(options, "count", 1, 1000000000, &count) || count == 0)
        *problem = "count must be a number from 1 to 1000000000";
    else if (!number(options, "skip", 0, 1000000000, &skip))
        *problem = "skip must be a number up to 1000000000";
    else if (!number(options, "ms", 1000, DELAY_MAX_MS, &ms))
        *problem = "ms must be a number up to 600000";
    else if (!number(options, "code", fault->kind == FAULT_STATUS ? 209 : 241, 9999, &code) || code == 0)
        *problem = "code must be a number from 1 to 9999";
    else if (!number(options, "status", 502, 599, &status) || status < 200)
        *problem = "status must be a number from 200 to 599";
    else if (when != NULL && strcmp(when, "before") != 0 && strcmp(when, "after") != 0)
        *problem = "when must be before or after";
    else if (!text_option(options, "text", "made up by a fault switch", fault->text, sizeof fault->text) ||
             !text_option(options, "match", "", fault->match, sizeof fault->match))
        *problem = "text and match are limited to 255 bytes";
    if (*problem != NULL)
        return false;
    fault->any_statement = fault->match[0] != '\0';
    fault->after = when != NULL && strcmp(when, "after") == 0;
    fault->left = count;
    fault->skip = skip;
    fault->ms = (unsigned)ms;
    fault->code = (int)code;
    fault->status = (unsigned)status;
    return true;
}

bool faults_add(struct faults *fs, const struct fault *fault)
{
    pthread_mutex_lock(&fs->lock);
    bool ok = fs->n < FAULTS_MAX;
    if (ok)
        fs->list[fs->n++] = *fault;
    pthread_mutex_unlock(&fs->lock);
    return ok;
}

void faults_clear(struct faults *fs)
{
    pthread_mutex_lock(&fs->lock);
    fs->n = 0;
    pthread_mutex_unlock(&fs->lock);
}

static bool contains(const char *text, size_t len, const char *what_z)
{
    size_t n = strlen(what_z);
    for (size_t i = 0; i + n <= len; i++)
        if (memcmp(text + i, what_z, n) == 0)
            return true;
    return false;
}

struct fault faults_pick(struct faults *fs, bool insert, const char *sql, size_t sql_len)
{
    struct fault picked = {.kind = FAULT_NONE};
    pthread_mutex_lock(&fs->lock);
    for (size_t i = 0; i < fs->n && picked.kind == FAULT_NONE; i++) {
        struct fault *fault = &fs->list[i];
        if (fault->left == 0 || !(insert || fault->any_statement) || !contains(sql, sql_len, fault->match))
            continue;
        if (fault->skip > 0) {
            fault->skip--;
            continue;
        }
        fault->left--;
        fault->hits++;
        picked = *fault;
    }
    pthread_mutex_unlock(&fs->lock);
    return picked;
}

bool faults_describe(struct faults *fs, struct buffer *json)
{
    pthread_mutex_lock(&fs->lock);
    bool ok = buffer_text(json, "{\"faults\": [");
    for (size_t i = 0; i < fs->n && ok; i++) {
        const struct fault *fault = &fs->list[i];
        ok = buffer_format(json, "%s{\"kind\": \"%s\", \"skip\": %lu, \"left\": %lu, \"hits\": %lu, \"match\": ",
                           i == 0 ? "" : ", ", kind_names[fault->kind], fault->skip, fault->left, fault->hits) &&
             buffer_json_string(json, fault->match) && buffer_text(json, "}");
    }
    pthread_mutex_unlock(&fs->lock);
    return ok && buffer_text(json, "]}\n");
}
