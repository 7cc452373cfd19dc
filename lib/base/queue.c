/* queue.c - see queue.h. */
#include "base/queue.h"

#include "base/compiler.h"

#include <errno.h>
#include <time.h>

static void lock(struct sluice_queue *queue)
{
    if (pthread_mutex_lock(&queue->lock) != 0)
        SLUICE_BUG("lock of a queue");
}

static void unlock(struct sluice_queue *queue)
{
    if (pthread_mutex_unlock(&queue->lock) != 0)
        SLUICE_BUG("unlock of a queue");
}

void sluice_queue_init(struct sluice_queue *queue)
{
    pthread_condattr_t attributes;
    *queue = (struct sluice_queue){0};
    queue->last = &queue->first;
    if (pthread_mutex_init(&queue->lock, NULL) != 0 || pthread_condattr_init(&attributes) != 0 ||
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&queue->filled, &attributes) != 0)
        SLUICE_BUG("set up of a queue");
    (void)pthread_condattr_destroy(&attributes);
}

void sluice_queue_deinit(struct sluice_queue *queue)
{
    (void)pthread_cond_destroy(&queue->filled);
    (void)pthread_mutex_destroy(&queue->lock);
}

void sluice_queue_push(struct sluice_queue *queue, struct sluice_link *item)
{
    item->next = NULL;
    lock(queue);
    *queue->last = item;
    queue->last = &item->next;
    queue->n_items++;
    (void)pthread_cond_signal(&queue->filled);
    unlock(queue);
}

static struct timespec deadline_in(int64_t timeout_us)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(timeout_us / 1000000);
    at.tv_nsec += (long)(timeout_us % 1000000) * 1000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

struct sluice_link *sluice_queue_pop(struct sluice_queue *queue, int64_t timeout_us)
{
    struct timespec deadline = timeout_us > 0 ? deadline_in(timeout_us) : (struct timespec){0};
    lock(queue);
    while (queue->first == NULL && !queue->closed && timeout_us != 0) {
        int waited = timeout_us < 0 ? pthread_cond_wait(&queue->filled, &queue->lock)
                                    : pthread_cond_timedwait(&queue->filled, &queue->lock, &deadline);
        if (waited == ETIMEDOUT)
            break;
    }
    struct sluice_link *item = queue->first;
    if (item != NULL) {
        queue->first = item->next;
        if (queue->first == NULL)
            queue->last = &queue->first;
        queue->n_items--;
    }
    unlock(queue);
    return item;
}

void sluice_queue_close(struct sluice_queue *queue)
{
    lock(queue);
    queue->closed = true;
    (void)pthread_cond_broadcast(&queue->filled);
    unlock(queue);
}

size_t sluice_queue_length(struct sluice_queue *queue)
{
    lock(queue);
    size_t n_items = queue->n_items;
    unlock(queue);
    return n_items;
}
