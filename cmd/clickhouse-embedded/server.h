/* server.h - the HTTP side: ClickHouse's interface on /, /ping, /replicas_status, and /_fault with --faults. */
#ifndef CLICKHOUSE_EMBEDDED_SERVER_H
#define CLICKHOUSE_EMBEDDED_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine.h"

struct server;

struct server_options {
    const char *host_z; /* IPv4 address */
    uint16_t port;      /* 0: any free one */
    bool faults;
    bool log; /* a logfmt line per request on stderr */
};

struct server *server_start(struct engine *engine, const struct server_options *options, char *problem, size_t size);
uint16_t server_port(const struct server *s);
/* Stops listening, lets running statements end (10 s at most), closes the rest. */
void server_stop(struct server *s);

#endif
