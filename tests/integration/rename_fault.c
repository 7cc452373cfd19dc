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

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the file and `seen` */
static unsigned long seen;                               /* of the present file */

/* True when this rename is the one; `what` is then "kill" or "fail". */
static bool is_the_one(const char *order_path, const char *from, char what[5])
{
    char line[512] = "";
    FILE *file = fopen(order_path, "r");
    if (file == NULL)
        return false;
    bool is_read = fgets(line, sizeof line, file) != NULL && strlen(line) > 8;
    (void)fclose(file);
    if (!is_read)
        return false;
    memcpy(what, line, 4);
    what[4] = '\0';
    char *text = NULL;
    unsigned long skip = strtoul(line + 5, &text, 10);
    text += strspn(text, " ");
    text[strcspn(text, "\n")] = '\0';
    if (strstr(from, text) == NULL || seen++ != skip)
        return false;
    seen = 0;
    (void)unlink(order_path);
    return true;
}

/* The header's own names are reserved ones. NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int rename(const char *from, const char *to)
{
    char what[5] = "";
    const char *order_path = getenv("SLUICE_RENAME_FAULT");
    if (order_path != NULL && strstr(from, "/tmp_insert_") != NULL) {
        (void)pthread_mutex_lock(&lock);
        bool is_hit = is_the_one(order_path, from, what);
        (void)pthread_mutex_unlock(&lock);
        if (is_hit && strcmp(what, "kill") == 0)
            (void)kill(getpid(), SIGKILL);
        if (is_hit) {
            errno = EIO;
            return -1;
        }
    }
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}
