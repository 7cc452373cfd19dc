/* First in, first out, between threads, with time-outs and closing. */
#include "base/queue.h"

#include "base/clock.h"
#include "support/check.h"

struct item {
    int number;
    struct sluice_link link;
};

enum { N_ITEMS = 20000 };
static struct item items[N_ITEMS];

static void *push_all(void *context)
{
    for (int i = 0; i < N_ITEMS; i++) {
        items[i].number = i;
        sluice_queue_push(context, &items[i].link);
    }
    sluice_queue_close(context);
    return NULL;
}

static void test_order_between_threads(void)
{
    struct sluice_queue queue;
    pthread_t pusher;
    int expected = 0;
    sluice_queue_init(&queue);
    CHECK_INT(pthread_create(&pusher, NULL, push_all, &queue), 0);
    for (struct sluice_link *link = NULL; (link = sluice_queue_pop(&queue, -1)) != NULL;) {
        if (SLUICE_ITEM(link, struct item, link)->number != expected++)
            CHECK_INT(SLUICE_ITEM(link, struct item, link)->number, expected - 1);
    }
    (void)pthread_join(pusher, NULL);
    CHECK_INT(expected, N_ITEMS);
    sluice_queue_deinit(&queue);
}

static void test_timeout_length(void)
{
    struct sluice_queue queue;
    struct item a = {.number = 1};
    struct item b = {.number = 2};
    sluice_queue_init(&queue);
    CHECK(sluice_queue_pop(&queue, 0) == NULL);
    int64_t before_us = sluice_mono_us();
    CHECK(sluice_queue_pop(&queue, 2000) == NULL);
    CHECK(sluice_mono_us() - before_us >= 2000);
    sluice_queue_push(&queue, &b.link);
    sluice_queue_push(&queue, &a.link);
    CHECK_INT(sluice_queue_length(&queue), 2);
    CHECK(sluice_queue_pop(&queue, 0) == &b.link);
    CHECK(sluice_queue_pop(&queue, 0) == &a.link);
    sluice_queue_push(&queue, &a.link);
    CHECK(sluice_queue_pop(&queue, 0) == &a.link);
    sluice_queue_close(&queue);
    CHECK(sluice_queue_pop(&queue, -1) == NULL);
    sluice_queue_deinit(&queue);
}

int main(void)
{
    test_order_between_threads();
    test_timeout_length();
    return check_result();
}
