/* http.h - one libcurl handle that makes one GET at a time. Private to lib/registry; knows HTTP and no registry. */
#ifndef SLUICE_REGISTRY_HTTP_H
#define SLUICE_REGISTRY_HTTP_H

#include <curl/curl.h>

#include "base/buf.h"
#include "base/error.h"
#include "registry/options.h"

struct http {
    CURL *handle;
    struct curl_slist *headers;
    const atomic_bool *abort;
    struct sluice_buf body; /* of the last answer */
    long status;            /* of it */
    char artifact_type[16]; /* its header X-Registry-ArtifactType, which Apicurio sends; "" without one */
    char text[CURL_ERROR_SIZE];
};

/* `user` NULL: none is sent. */
struct http_target {
    const char *url;
    const char *user;
    const char *password;
};

/* http_deinit() is legal afterwards in any case. Errors: SLUICE_E_CONFIG, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code http_init(struct http *http, const struct sluice_registry_options *options,
                                             struct sluice_error *err);
void http_deinit(struct http *http);

/* SLUICE_OK: there is an answer, whatever its status. Errors: SLUICE_E_REGISTRY, SLUICE_RETRY or, where only a person
 * can help (certificates), SLUICE_STOP_PARTITION; SLUICE_E_LIMIT an answer beyond REGISTRY_MAX_ANSWER;
 * SLUICE_E_CANCELLED; SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code http_get(struct http *http, const struct http_target *target,
                                            struct sluice_error *err);

#endif
