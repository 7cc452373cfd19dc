/* errors.h - what ClickHouse's error codes and libcurl's results mean for a sink: one row per code, decided by code.
 *
 * Source: ClickHouse src/Common/ErrorCodes.cpp for numbers and names; libcurl 7.88 curl/curl.h for CURLcode.
 * Two server codes cover two causes each and are told apart by their text: 252 (too many parts in the table, or too
 * many table partitions in one block) and 999 (Keeper refused a compare-and-set, or could not be reached).
 */
#ifndef SLUICE_CLICKHOUSE_ERRORS_H
#define SLUICE_CLICKHOUSE_ERRORS_H

#include "base/error.h"
#include "base/str.h"

enum sluice_ch_advice {
    SLUICE_CH_RETRY,         /* the same bytes with the same token, soon */
    SLUICE_CH_RETRY_SLOW,    /* the same bytes with the same token, but only a longer wait or a person can help */
    SLUICE_CH_REREAD_SCHEMA, /* the table differs from the plan: read it again, plan anew, then the same rows */
    SLUICE_CH_BAD_ROW,       /* a value in the block: find the row */
    SLUICE_CH_STOP           /* configuration, rights or a bug: a person must act */
};

struct sluice_ch_reason {
    int code;
    const char *name; /* as the server prints it, e.g. MEMORY_LIMIT_EXCEEDED */
    enum sluice_ch_advice advice;
    bool unknown_outcome; /* the statement may have been, or may still be, carried out. False: nothing is stored, as far
                             as one block of one table partition without materialized views goes; several parts and
                             views are committed one by one */
    bool quotes_values;   /* the server's text may hold row values or parameters: it stays out of errors and logs */
    const char *reason;   /* one line: cause and remedy */
};

/* Never NULL: a code that is not in the table yields code 0, advice SLUICE_CH_RETRY_SLOW, outcome unknown.
 * `text` is the server's message, looked at for 252 and 999 only. Any thread. */
const struct sluice_ch_reason *sluice_ch_reason_find(int code, struct sluice_str text);

/* True for 999 when it is the answer to a lost compare-and-set ("Node exists", "Bad version", "No node"). */
bool sluice_ch_is_keeper_conflict(int code, struct sluice_str text);

/* For a CURLcode; `name` is libcurl's symbol without CURLE_. unknown_outcome is false only where nothing of the request
 * can have been carried out. Never NULL. Any thread. */
const struct sluice_ch_reason *sluice_ch_curl_reason(int curl_code);

/* N of a text that begins with "Code: N."; 0 if it does not. */
int sluice_ch_code_of_text(struct sluice_str text);

#endif
