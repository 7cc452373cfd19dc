/* queue.h - moves items between threads, first in, first out.
 *
 * An item changes its owner by passing through: the sender of the pointer forgets it. Items are linked through a
 * `struct sluice_link` inside them, so pushing allocates nothing and cannot fail. What bounds a queue is what bounds
 * its items (the memory budget, the number of jobs). One lock, which guards the list only; it is never held across a
 * call out. Any thread may push or pop.
 */
#ifndef SLUICE_BASE_QUEUE_H
#define SLUICE_BASE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sluice_link {
    struct sluice_link *next;
};

struct sluice_queue {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t filled;
    struct sluice_link *first;
    struct sluice_link **last;
    size_t n_items;
    bool closed;
};

/* The item that holds `link` as its member. */
#define SLUICE_ITEM(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

void sluice_queue_init(struct sluice_queue *queue);
/* The queue must be empty; what is left in it belongs to whoever pushed it. */
void sluice_queue_deinit(struct sluice_queue *queue);

void sluice_queue_push(struct sluice_queue *queue, struct sluice_link *item);
/* The oldest item; waits up to `timeout_us` (0: not at all, negative: for ever). NULL after the time, or at once when
 * the queue is closed and empty. */
struct sluice_link *sluice_queue_pop(struct sluice_queue *queue, int64_t timeout_us);
/* Wakes all waiters; what is inside can still be popped. */
void sluice_queue_close(struct sluice_queue *queue);
size_t sluice_queue_length(struct sluice_queue *queue);

#endif
