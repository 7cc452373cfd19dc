#include "failure.h"

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
    int code = 0;
    if (sscanf(text_z, "Code: %d.", &code) != 1 || code <= 0) {
        failure_set(f, FAILURE_UNKNOWN_EXCEPTION, "%s", text_z);
        return;
    }
    f->code = code;
    struct buffer b = {.max = TEXT_MAX};
    /* The engine ends only some of its texts with the version; a server ends all of them so. */
    bool has_version = strstr(text_z, "(version ") != NULL;
    if (buffer_text(&b, text_z) && (has_version || buffer_format(&b, " (version %s)", server_version)) &&
        buffer_append(&b, "", 1))
        f->text = b.data;
    else
        buffer_deinit(&b);
}

/* ClickHouse's exceptionCodeToHTTPStatus(), server/HTTPHandler.cpp; everything it does not name is 500. */
unsigned failure_http_status(int code)
{
    switch (code) {
    case 6:
    case 8:
    case 15:
    case 25:
    case 26:
    case 27:
    case 36:
    case 37:
    case 38:
    case 41:
    case 44:
    case 53:
    case 62:
    case 72:
    case 117:
    case 123:
    case 167:
    case 168:
    case 223:
    case 321:
    case 376:
    case 427:
    case 441:
        return 400;
    case 194:
        return 401;
    case 192:
    case 193:
    case 497:
    case 512:
    case 516:
        return 403;
    case 46:
    case 47:
    case 50:
    case 56:
    case 60:
    case 63:
    case 73:
    case 78:
    case 81:
    case 115:
    case 152:
    case 336:
    case 511:
        return 404;
    case 159:
        return 408;
    case 381:
        return 411;
    case 229:
        return 413;
    case 48:
        return 501;
    case 76:
    case 209:
    case 439:
        return 503;
    default:
        return 500;
    }
}

void failure_deinit(struct failure *f)
{
    free(f->text);
    f->text = NULL;
    f->code = 0;
}
