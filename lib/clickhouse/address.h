/* address.h - builds the request address: base address and query string, percent-encoded (RFC 3986). */
#ifndef SLUICE_CLICKHOUSE_ADDRESS_H
#define SLUICE_CLICKHOUSE_ADDRESS_H

#include "base/buf.h"

/* The server refuses a longer URI (http_max_uri_size). */
enum { ADDRESS_MAX_BYTES = 1 << 20 };

/* Starts anew with `base`, without its trailing slashes. */
SLUICE_MUST_CHECK enum sluice_code address_begin(struct sluice_buf *address, const char *base,
                                                 struct sluice_error *err);
/* Appends &name=value, or ?name=value for the first one. `prefix` is put before the name, "" for none. */
SLUICE_MUST_CHECK enum sluice_code address_add(struct sluice_buf *address, const char *prefix, const char *name,
                                               struct sluice_str value, struct sluice_error *err);
/* Appends param_NAME with the value in the tab-escaped form that {NAME:Type} reads. */
SLUICE_MUST_CHECK enum sluice_code address_add_param(struct sluice_buf *address, const char *name,
                                                     struct sluice_str value, struct sluice_error *err);

#endif
