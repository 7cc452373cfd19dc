/* faults.h - faults of clickhouse-embedded, which plays them when started with --faults. */
#ifndef SLUICE_TESTS_FAULTS_H
#define SLUICE_TESTS_FAULTS_H

#include <curl/curl.h>

#include "support/check.h"

static inline size_t fault_discard(char *piece, size_t size, size_t n, void *context)
{
    (void)piece;
    (void)context;
    return size * n;
}

/* `fault` is the query text of /_fault (cmd/clickhouse-embedded/faults.h), such as "kind=refuse&code=202&match=UPDATE".
 */
static inline void play_fault(const char *server, const char *fault)
{
    char address[256];
    CURL *handle = curl_easy_init();
    (void)snprintf(address, sizeof address, "%s/_fault?%s", server, fault);
    (void)curl_easy_setopt(handle, CURLOPT_URL, address);
    (void)curl_easy_setopt(handle, CURLOPT_POSTFIELDS, "");
    (void)curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, fault_discard);
    (void)curl_easy_setopt(handle, CURLOPT_FAILONERROR, 1L);
    CHECK_INT(curl_easy_perform(handle), CURLE_OK);
    curl_easy_cleanup(handle);
}

#endif
