/* check.h - plain assertions that print both operands and let the test go on.
 *
 * A test program is: CHECK... in static functions, `int main(void) { run(...); return check_result(); }`.
 * check_result() is non-zero if any check failed, or if no check ran at all.
 */
#ifndef SLUICE_TESTS_CHECK_H
#define SLUICE_TESTS_CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int check_n_run;
static int check_n_failed;

static inline bool check_report(bool ok, const char *file, int line, const char *text)
{
    check_n_run++;
    if (!ok) {
        check_n_failed++;
        (void)fprintf(stderr, "%s:%d: FAILED: %s\n", file, line, text);
    }
    return ok;
}

static inline bool check_int(intmax_t got, intmax_t want, const char *file, int line, const char *text)
{
    bool ok = check_report(got == want, file, line, text);
    if (!ok)
        (void)fprintf(stderr, "    got  %" PRIdMAX "\n    want %" PRIdMAX "\n", got, want);
    return ok;
}

static inline bool check_text(const char *got, const char *want, const char *file, int line, const char *text)
{
    bool ok = check_report(got != NULL && want != NULL && strcmp(got, want) == 0, file, line, text);
    if (!ok)
        (void)fprintf(stderr, "    got  \"%s\"\n    want \"%s\"\n", got != NULL ? got : "(null)",
                      want != NULL ? want : "(null)");
    return ok;
}

static inline bool check_contains(const char *got, const char *part, const char *file, int line, const char *text)
{
    bool ok = check_report(got != NULL && strstr(got, part) != NULL, file, line, text);
    if (!ok)
        (void)fprintf(stderr, "    got  \"%s\"\n    without \"%s\"\n", got != NULL ? got : "(null)", part);
    return ok;
}

static inline bool check_bytes(const void *got, size_t n_got, const void *want, size_t n_want, const char *file,
                               int line, const char *text)
{
    bool ok = check_report(n_got == n_want && (n_got == 0 || memcmp(got, want, n_got) == 0), file, line, text);
    if (!ok) {
        (void)fprintf(stderr, "    got  %zu:", n_got);
        for (size_t i = 0; i < n_got && i < 64; i++)
            (void)fprintf(stderr, " %02x", ((const unsigned char *)got)[i]);
        (void)fprintf(stderr, "\n    want %zu:", n_want);
        for (size_t i = 0; i < n_want && i < 64; i++)
            (void)fprintf(stderr, " %02x", ((const unsigned char *)want)[i]);
        (void)fprintf(stderr, "\n");
    }
    return ok;
}

static inline int check_result(void)
{
    (void)fprintf(stderr, "%d checks, %d failed\n", check_n_run, check_n_failed);
    return check_n_failed > 0 || check_n_run == 0 ? 1 : 0;
}

#define CHECK(condition)          check_report((condition), __FILE__, __LINE__, #condition)
#define CHECK_INT(got, want)      check_int((intmax_t)(got), (intmax_t)(want), __FILE__, __LINE__, #got " == " #want)
#define CHECK_TEXT(got, want)     check_text((got), (want), __FILE__, __LINE__, #got " is " #want)
#define CHECK_CONTAINS(got, part) check_contains((got), (part), __FILE__, __LINE__, #got " contains " #part)
#define CHECK_BYTES(got, n_got, want, n_want)                                                                          \
    check_bytes((got), (n_got), (want), (n_want), __FILE__, __LINE__, #got " equals " #want)

#endif
