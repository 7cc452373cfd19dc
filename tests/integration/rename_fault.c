/* rename_fault.c - loaded into clickhouse-embedded with LD_PRELOAD: the rename of a part kills the process, or fails
 * once.
 *
 * A MergeTree part is written as tmp_insert_<part> and renamed when it is committed; the engine has registered the
 * deduplication token before that. $SLUICE_RENAME_FAULT names a file. While it is there and says "kill SKIP TEXT" or
 * "fail SKIP TEXT", SKIP renames of inserted parts whose path contains TEXT pass, and the next one does not take place;
 * the file is removed before, which shows that it hit. Thread: any.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int rename(const char *from, const char *to);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the file and `seen` */
static unsigned seen;                                    /* of the present file */

/* True when this rename is the one; `what` is then "kill" or "fail". */
static bool is_the_one(const char *order_path, const char *from, char what[8])
{
    unsigned skip = 0;
    char text[256];
    FILE *file = fopen(order_path, "r");
    if (file == NULL)
        return false;
    bool wanted = fscanf(file, "%7s %u %255s", what, &skip, text) == 3 && strstr(from, text) != NULL && seen++ == skip;
    (void)fclose(file);
    if (!wanted)
        return false;
    seen = 0;
    (void)unlink(order_path);
    return true;
}

int rename(const char *from, const char *to)
{
    char what[8] = "";
    const char *order_path = getenv("SLUICE_RENAME_FAULT");
    if (order_path != NULL && strstr(from, "/tmp_insert_") != NULL) {
        (void)pthread_mutex_lock(&lock);
        bool hit = is_the_one(order_path, from, what);
        (void)pthread_mutex_unlock(&lock);
        if (hit && strcmp(what, "kill") == 0)
            (void)kill(getpid(), SIGKILL);
        if (hit) {
            errno = EIO;
            return -1;
        }
    }
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}
