/* server.h - what one ClickHouse server is, and the settings every INSERT pins that it knows.
 *
 * A setting the server does not know fails the request (code 115), one that is left to its default may change what an
 * INSERT means with the next release (asynchronous inserts since 26.2, one-hour windows since 25.10, ...).
 */
#ifndef SLUICE_CLICKHOUSE_SERVER_H
#define SLUICE_CLICKHOUSE_SERVER_H

#include "base/buf.h"

struct sluice_ch_setting {
    const char *name;
    const char *value;
};

/* The pinned settings, in the order they are sent. */
const struct sluice_ch_setting *sluice_ch_pinned(size_t *n_settings);

struct sluice_ch_server {
    char version[64];
    unsigned major;
    unsigned minor;
    char timezone[64];
    uint64_t known; /* bit i: the server knows pinned setting i */
};

/* True if the server knows the pinned setting of that name. */
bool sluice_ch_server_knows(const struct sluice_ch_server *server, const char *name);

/* The statement whose answer (TabSeparated) sluice_ch_server_parse() reads. */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_server_sql(struct sluice_buf *sql, struct sluice_error *err);
/* Errors: SLUICE_E_SERVER when the answer is not that of a ClickHouse server. */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_server_parse(struct sluice_ch_server *server, struct sluice_str answer,
                                                          struct sluice_error *err);

#endif
