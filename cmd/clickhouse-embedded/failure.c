#include "failure.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"

#define TEXT_MAX ((size_t)1 << 20)

static char server_version[64] = "unknown";

void failure_set_version(const char *version_z)
{
    (void)snprintf(server_version, sizeof server_version, "%s", version_z);
}

static const char *code_name(enum failure_code code)
{
    switch (code) {
    case FAILURE_NONE:
        return "OK";
    case FAILURE_UNEXPECTED_END_OF_FILE:
        return "UNEXPECTED_END_OF_FILE";
    case FAILURE_CANNOT_READ_ALL_DATA:
        return "CANNOT_READ_ALL_DATA";
    case FAILURE_BAD_ARGUMENTS:
        return "BAD_ARGUMENTS";
    case FAILURE_TOO_LARGE_SIZE_COMPRESSED:
        return "TOO_LARGE_SIZE_COMPRESSED";
    case FAILURE_CHECKSUM_DOESNT_MATCH:
        return "CHECKSUM_DOESNT_MATCH";
    case FAILURE_NOT_IMPLEMENTED:
        return "NOT_IMPLEMENTED";
    case FAILURE_SYNTAX_ERROR:
        return "SYNTAX_ERROR";
    case FAILURE_UNKNOWN_COMPRESSION_METHOD:
        return "UNKNOWN_COMPRESSION_METHOD";
    case FAILURE_READONLY:
        return "READONLY";
    case FAILURE_CANNOT_ALLOCATE_MEMORY:
        return "CANNOT_ALLOCATE_MEMORY";
    case FAILURE_QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING:
        return "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING";
    case FAILURE_QUERY_IS_TOO_LARGE:
        return "QUERY_IS_TOO_LARGE";
    case FAILURE_CANNOT_DECOMPRESS:
        return "CANNOT_DECOMPRESS";
    case FAILURE_ZLIB_INFLATE_FAILED:
        return "ZLIB_INFLATE_FAILED";
    case FAILURE_SESSION_NOT_FOUND:
        return "SESSION_NOT_FOUND";
    case FAILURE_ZSTD_DECODER_FAILED:
        return "ZSTD_DECODER_FAILED";
    case FAILURE_LZ4_DECODER_FAILED:
        return "LZ4_DECODER_FAILED";
    case FAILURE_UNKNOWN_EXCEPTION:
        break;
    }
    return "UNKNOWN_EXCEPTION";
}

void failure_made_up(struct failure *f, int code, const char *name_z, const char *text_z)
{
    if (f->code != 0)
        return;
    f->code = code;
    struct buffer b = {.max = TEXT_MAX};
    if (buffer_format(&b, "Code: %d. DB::Exception: %s. (%s) (version %s)", code, text_z, name_z, server_version))
        f->text = b.data;
    else
        buffer_deinit(&b);
}

void failure_set(struct failure *f, enum failure_code code, const char *format_z, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format_z);
    (void)vsnprintf(text, sizeof text, format_z, args);
    va_end(args);
    failure_made_up(f, (int)code, code_name(code), text);
}

void failure_from_engine(struct failure *f, const char *text_z)
{
    if (f->code != 0)
        return;
    static const char prefix[] = "Code: ";
    bool has_code = strncmp(text_z, prefix, sizeof prefix - 1) == 0;
    long code = has_code ? strtol(text_z + sizeof prefix - 1, NULL, 10) : 0;
    if (code <= 0 || code > INT_MAX) {
        failure_set(f, FAILURE_UNKNOWN_EXCEPTION, "%s", text_z);
        return;
    }
    f->code = (int)code;
    struct buffer b = {.max = TEXT_MAX};
    /* The engine ends only some of its texts with the version; a server ends all of them so. */
    bool has_version = strstr(text_z, "(version ") != NULL;
    if (buffer_text(&b, text_z) && (has_version || buffer_format(&b, " (version %s)", server_version)) &&
        buffer_append(&b, "", 1))
        f->text = b.data;
    else
        buffer_deinit(&b);
}

/* ClickHouse's exceptionCodeToHTTPStatus(), Server/HTTP/exceptionCodeToHTTPStatus.cpp; what it does not name is 500. */
static const struct {
    unsigned status;
    short codes[24]; /* ends with 0 */
} statuses[] = {
    {400, {6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441}},
    {401, {194}},
    {403, {192, 193, 497, 512, 516}},
    {404, {46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511}},
    {408, {159}},
    {411, {381}},
    {413, {229}},
    {501, {48}},
    {503, {76, 209, 439}},
};

unsigned failure_http_status(int code)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        for (const short *known = statuses[i].codes; *known != 0; known++)
            if (*known == code)
                return statuses[i].status;
    return 500;
}

void failure_deinit(struct failure *f)
{
    free(f->text);
    f->text = NULL;
    f->code = 0;
}
