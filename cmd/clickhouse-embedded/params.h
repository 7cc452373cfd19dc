/* params.h - what URL and headers of a request say: C interface of ClickHouse's server/HTTPHandler.cpp. */
#ifndef CLICKHOUSE_EMBEDDED_PARAMS_H
#define CLICKHOUSE_EMBEDDED_PARAMS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#include "request.h"

struct params_query {
    const char *text;
    size_t len;
};

/* The URL's `query`; false when there is none. Borrowed until the end of the exchange. */
bool params_find_query(struct MHD_Connection *mhd, struct params_query *query);

/* Fills settings, params, database, format, encoding and the flags; r->failure tells what is wrong. */
void params_read(struct MHD_Connection *mhd, struct request *r, char *query_id, size_t query_id_size);

#endif
