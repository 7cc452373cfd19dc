/* postman.c - see postman.h. */
#include "pipeline/postman.h"

#include "base/clock.h"
#include "kafka/message.h"
#include "kafka/samples.h"
#include "pipeline/job.h"
#include "pipeline/partition.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What waits is sent together and waited for together. */
enum { MAX_LETTERS = 64, READ_MS = 10000 };

struct postman {
    struct postman_world world;
    struct letter *letters[MAX_LETTERS];
    struct sluice_letter *contents[MAX_LETTERS];
    struct sluice_samples *reader; /* NULL: none was needed yet */
    pthread_t thread;
};

static size_t collect(struct postman *postman)
{
    size_t n = 0;
    struct sluice_link *link = sluice_queue_pop(postman->world.letters, -1);
    while (link != NULL) {
        postman->letters[n] = (struct letter *)SLUICE_ITEM(link, struct lane_item, link);
        postman->contents[n] = &postman->letters[n]->content;
        n++;
        link = n < MAX_LETTERS ? sluice_queue_pop(postman->world.letters, 0) : NULL;
    }
    return n;
}

static void *copy_bytes(const void *bytes, size_t n_bytes)
{
    void *copy = bytes != NULL ? malloc(n_bytes + 1) : NULL;
    if (bytes != NULL && copy == NULL)
        SLUICE_BUG("no memory for a dead letter");
    if (bytes != NULL)
        memcpy(copy, bytes, n_bytes);
    return copy;
}

static bool take_record(void *context, const rd_kafka_message_t *message)
{
    struct letter *letter = context;
    struct sluice_letter *content = &letter->content;
    rd_kafka_headers_t *headers = sluice_kafka_message_ops.copy_headers(message);
    if (letter->keeps_record) {
        content->key = copy_bytes(message->key, message->key_len);
        content->key_len = message->key_len;
        content->value = copy_bytes(message->payload, message->len);
        content->value_len = message->len;
    }
    content->timestamp_ms = sluice_kafka_message_ops.timestamp_ms(message);
    content->headers = sluice_letter_headers(headers, letter->keeps_record, content->headers);
    rd_kafka_headers_destroy(headers);
    letter->wants_record = false;
    return false;
}

static enum sluice_code read_record(struct postman *postman, struct letter *letter, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    if (!letter->wants_record)
        return SLUICE_OK;
    if (postman->reader == NULL)
        code = sluice_samples_new(postman->world.config, &postman->reader, err);
    if (code == SLUICE_OK)
        code = sluice_samples_scan(postman->reader, letter->partition->topic, letter->partition->id, letter->offset,
                                   letter->offset, READ_MS, take_record, letter, err);
    if (code != SLUICE_OK) {
        err->action = SLUICE_RETRY;
        return sluice_error_wrap(err, "read the record of a dead letter again, offset %" PRId64 " of \"%s\"",
                                 letter->offset, letter->partition->topic);
    }
    if (letter->wants_record) { /* compaction took it meanwhile */
        (void)rd_kafka_header_add(letter->content.headers, "__sluice.payload", -1, "gone", -1);
        letter->content.headers = sluice_letter_headers(NULL, false, letter->content.headers);
    }
    letter->wants_record = false;
    return SLUICE_OK;
}

static void deliver(struct postman *postman, size_t n)
{
    struct sluice_error err = {0};
    int64_t started_us = sluice_mono_us();
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < n && code == SLUICE_OK; i++)
        code = read_record(postman, postman->letters[i], &err);
    if (code == SLUICE_OK)
        code = sluice_letters_send(postman->world.producer, postman->contents, n, postman->world.abort, &err);
    for (size_t i = 0; i < n; i++) {
        struct job *job = &postman->letters[i]->job;
        job->code = postman->contents[i]->is_sent ? SLUICE_OK : code;
        job->error = err;
        job->took_us = sluice_mono_us() - started_us;
        sluice_queue_push(postman->world.lane, &job->item.link);
    }
}

static void *postman_main(void *context)
{
    struct postman *postman = context;
    size_t n = 0;
    while ((n = collect(postman)) > 0)
        deliver(postman, n);
    return NULL;
}

enum sluice_code postman_new(const struct postman_world *world, struct postman **out, struct sluice_error *err)
{
    struct postman *postman = calloc(1, sizeof *postman);
    if (postman == NULL)
        return sluice_error_nomem(err, "the postman", sizeof *postman);
    postman->world = *world;
    if (pthread_create(&postman->thread, NULL, postman_main, postman) != 0) {
        free(postman);
        return sluice_error_set(err, SLUICE_E_IO, SLUICE_STOP, "start the postman's thread: the system refuses");
    }
    *out = postman;
    return SLUICE_OK;
}

void postman_join(struct postman *postman)
{
    if (postman == NULL)
        return;
    (void)pthread_join(postman->thread, NULL);
    sluice_samples_free(postman->reader);
    free(postman);
}
