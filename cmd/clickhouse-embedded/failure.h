/* failure.h - an error as ClickHouse reports one: its code, its text, and the HTTP status that belongs to the code. */
#ifndef CLICKHOUSE_EMBEDDED_FAILURE_H
#define CLICKHOUSE_EMBEDDED_FAILURE_H

#include <stdbool.h>

/* Numbers of ClickHouse's ErrorCodes that this program raises itself. */
enum failure_code {
    FAILURE_NONE = 0,
    FAILURE_UNEXPECTED_END_OF_FILE = 3,
    FAILURE_CANNOT_READ_ALL_DATA = 33,
    FAILURE_BAD_ARGUMENTS = 36,
    FAILURE_TOO_LARGE_SIZE_COMPRESSED = 39,
    FAILURE_CHECKSUM_DOESNT_MATCH = 40,
    FAILURE_NOT_IMPLEMENTED = 48,
    FAILURE_SYNTAX_ERROR = 62,
    FAILURE_UNKNOWN_COMPRESSION_METHOD = 89,
    FAILURE_READONLY = 164,
    FAILURE_CANNOT_ALLOCATE_MEMORY = 173,
    FAILURE_QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING = 216,
    FAILURE_QUERY_IS_TOO_LARGE = 229,
    FAILURE_CANNOT_DECOMPRESS = 271,
    FAILURE_ZLIB_INFLATE_FAILED = 354,
    FAILURE_SESSION_NOT_FOUND = 372,
    FAILURE_ZSTD_DECODER_FAILED = 561,
    FAILURE_LZ4_DECODER_FAILED = 618,
    FAILURE_UNKNOWN_EXCEPTION = 1002
};

struct failure {
    int code;   /* 0: none */
    char *text; /* heap, the whole "Code: N. DB::Exception: ... (NAME) (version V)"; NULL when memory is out */
};

/* What follows "(version " in every text; set once before the first request. */
void failure_set_version(const char *version_z);

/* Both keep the first cause: a failure that is already set stays. */
void failure_set(struct failure *f, enum failure_code code, const char *format_z, ...)
    __attribute__((format(printf, 3, 4)));
/* From an exception text of the engine, which begins with "Code: N. ". */
void failure_from_engine(struct failure *f, const char *text_z);
/* A made-up refusal with any code. */
void failure_made_up(struct failure *f, int code, const char *name_z, const char *text_z);

unsigned failure_http_status(int code);
void failure_deinit(struct failure *f);

#endif
