/* version.c - see sluice/version.h. */
#include "sluice/version.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>
#include <microhttpd.h>
#include <string.h>
#include <yaml.h>

#include "base/compiler.h"

#if defined(__has_feature)
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#define SANITIZERS "address,undefined"
#elif defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
#define SANITIZERS "thread"
#else
#define SANITIZERS "none"
#endif

static enum sluice_code end(FILE *out, struct sluice_error *err)
{
    errno = 0;
    if (fflush(out) == 0 && !ferror(out))
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_IO, SLUICE_STOP, "write the output: %s",
                            errno != 0 ? strerror(errno) : "an earlier write failed");
}

enum sluice_code sluice_version_print(FILE *out, bool json, struct sluice_error *err)
{
    char libpq[32];
    (void)snprintf(libpq, sizeof libpq, "%d.%d", PQlibVersion() / 10000, PQlibVersion() % 10000);
    const struct {
        const char *name;
        const char *version;
    } rows[] = {
        {"sluice", SLUICE_VERSION},
        {"librdkafka", rd_kafka_version_str()},
        {"libcurl", curl_version_info(CURLVERSION_NOW)->version},
        {"jansson", jansson_version_str()},
        {"libyaml", yaml_get_version_string()},
        {"libmicrohttpd", MHD_get_version()},
        {"libpq", libpq},
        {"compiler", __VERSION__},
        {"build_type", SLUICE_BUILD_TYPE},
        {"sanitizers", SANITIZERS},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(rows); i++) {
        /* None of these texts holds a quote or a backslash. */
        if (json)
            (void)fprintf(out, "%s\"%s\": \"%s\"%s", i == 0 ? "{\n  " : "  ", rows[i].name, rows[i].version,
                          i + 1 < SLUICE_N_ELEMENTS(rows) ? ",\n" : "\n}\n");
        else
            (void)fprintf(out, "%-14s %s\n", rows[i].name, rows[i].version);
    }
    return end(out, err);
}
