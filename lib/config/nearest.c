/* nearest.c - optimal string alignment distance over three rows; see sluice/nearest.h. */
#include "sluice/nearest.h"

#include <string.h>

enum { MAX_WORD = 128 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const char *a, const char *b)
{
    size_t rows[3][MAX_WORD + 1];
    size_t n_a = strlen(a);
    size_t n_b = strlen(b);
    for (size_t j = 0; j <= n_b; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i - 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t change = before[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = smaller(change, smaller(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = smaller(now[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[n_a % 3][n_b];
}

const char *sluice_nearest(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t n_word = strlen(word);
    size_t limit = n_word / 5 + 1;
    if (n_word > MAX_WORD)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (strlen(names[i]) > MAX_WORD)
            continue;
        size_t d = distance(word, names[i]);
        if (d <= limit) {
            best = names[i];
            limit = d > 0 ? d - 1 : 0;
            if (d == 0)
                break;
        }
    }
    return best;
}
