/* errors.c - see errors.h. The tables are sorted by code. */
#include "clickhouse/errors.h"

#include <curl/curl.h>

#define RETRY  SLUICE_CH_RETRY
#define SLOW   SLUICE_CH_RETRY_SLOW
#define REREAD SLUICE_CH_REREAD_SCHEMA
#define ROW    SLUICE_CH_BAD_ROW
#define STOP   SLUICE_CH_STOP
/* outcome, then whether the text may quote values */
#define KNOWN  false, false
#define MAYBE  true, false
#define VALUES false, true

static const char cut[] = "the body broke off on its way or its framing is wrong";
static const char value[] = "a value the server cannot take; the row has to be found";
static const char drift[] =
    "the table differs from what it was planned with; it is read again, and if that does not help, bring the column "
    "back or restore its type, then restart the worker or send it SIGHUP";
static const char settings[] = "settings or statement not accepted; compare server version and profile";
static const char rights[] = "check user, password and grants; tried again slowly in case they are being changed";
static const char network[] = "the server lost a connection while it worked; the statement may have taken effect";
static const char busy[] = "the server is at a limit; fewer or larger inserts, or a higher limit";
static const char missing[] = "database or table is gone; create it again, or wait for the switch to end";
static const char quorum[] = "replicas did not confirm in time; the rows may be stored";
static const char cancelled[] = "the statement was cancelled on the server; it may have taken effect";
static const char disk[] = "writing failed on the server; look at its disk and log; the rows may be stored";
static const char keeper[] = "Keeper is unreachable for the server, or the replica is read-only; check Keeper";
static const char compress[] = "the compressed body did not arrive whole, or the codec is not known to the server";
static const char inside[] = "a fault inside the server; look at its log; the statement may have taken effect";
static const char size[] = "a limit of the user's profile on rows or bytes; raise it for this user";
static const char starting[] = "the server is still starting or restarting the table";

static const struct sluice_ch_reason reasons[] = {
    {3, "UNEXPECTED_END_OF_FILE", RETRY, KNOWN, cut},
    {6, "CANNOT_PARSE_TEXT", ROW, VALUES, value},
    {8, "THERE_IS_NO_COLUMN", REREAD, KNOWN, drift},
    {10, "NOT_FOUND_COLUMN_IN_BLOCK", REREAD, KNOWN, drift},
    {15, "DUPLICATE_COLUMN", STOP, KNOWN, "a column is named twice; look at the table's columns"},
    {16, "NO_SUCH_COLUMN_IN_TABLE", REREAD, KNOWN, drift},
    {20, "NUMBER_OF_COLUMNS_DOESNT_MATCH", REREAD, KNOWN, drift},
    {23, "CANNOT_READ_FROM_ISTREAM", RETRY, MAYBE, network},
    {24, "CANNOT_WRITE_TO_OSTREAM", RETRY, MAYBE, network},
    {26, "CANNOT_PARSE_QUOTED_STRING", ROW, VALUES, value},
    {27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED", ROW, VALUES, value},
    {32, "ATTEMPT_TO_READ_AFTER_EOF", REREAD, KNOWN, drift},
    {33, "CANNOT_READ_ALL_DATA", REREAD, KNOWN, drift},
    {36, "BAD_ARGUMENTS", STOP, KNOWN, settings},
    {38, "CANNOT_PARSE_DATE", ROW, VALUES, value},
    {40, "CHECKSUM_DOESNT_MATCH", RETRY, KNOWN, cut},
    {41, "CANNOT_PARSE_DATETIME", ROW, VALUES, value},
    {43, "ILLEGAL_TYPE_OF_ARGUMENT", STOP, KNOWN, settings},
    {44, "ILLEGAL_COLUMN", REREAD, KNOWN, "the table does not allow this column to be written; look at its definition"},
    {46, "UNKNOWN_FUNCTION", STOP, KNOWN, settings},
    {47, "UNKNOWN_IDENTIFIER", REREAD, KNOWN, drift},
    {48, "NOT_IMPLEMENTED", STOP, KNOWN, settings},
    {49, "LOGICAL_ERROR", SLOW, MAYBE, inside},
    {50, "UNKNOWN_TYPE", STOP, KNOWN, settings},
    {53, "TYPE_MISMATCH", REREAD, KNOWN, drift},
    {57, "TABLE_ALREADY_EXISTS", STOP, KNOWN, "the table exists already; it is not replaced"},
    {60, "UNKNOWN_TABLE", SLOW, KNOWN, missing},
    {62, "SYNTAX_ERROR", STOP, KNOWN, settings},
    {69, "ARGUMENT_OUT_OF_BOUND", ROW, VALUES, value},
    {70, "CANNOT_CONVERT_TYPE", REREAD, KNOWN, drift},
    {72, "CANNOT_PARSE_NUMBER", ROW, VALUES, value},
    {73, "UNKNOWN_FORMAT", STOP, KNOWN, settings},
    {74, "CANNOT_READ_FROM_FILE_DESCRIPTOR", SLOW, MAYBE, disk},
    {75, "CANNOT_WRITE_TO_FILE_DESCRIPTOR", SLOW, MAYBE, disk},
    {76, "CANNOT_OPEN_FILE", SLOW, MAYBE, disk},
    {81, "UNKNOWN_DATABASE", SLOW, KNOWN, missing},
    {82, "DATABASE_ALREADY_EXISTS", STOP, KNOWN, "the database exists already; it is not replaced"},
    {84, "DIRECTORY_ALREADY_EXISTS", SLOW, MAYBE, disk},
    {89, "UNKNOWN_COMPRESSION_METHOD", SLOW, KNOWN, compress},
    {107, "FILE_DOESNT_EXIST", RETRY, MAYBE, disk},
    {115, "UNKNOWN_SETTING", STOP, KNOWN, "a setting this server does not know; compare server version and options"},
    {117, "INCORRECT_DATA", REREAD, KNOWN, drift},
    {122, "INCOMPATIBLE_COLUMNS", REREAD, KNOWN, drift},
    {128, "TOO_LARGE_ARRAY_SIZE", ROW, VALUES, "a value beyond the server's limit on array sizes"},
    {131, "TOO_LARGE_STRING_SIZE", ROW, VALUES, "a value beyond format_binary_max_string_size"},
    {158, "TOO_MANY_ROWS", STOP, KNOWN, size},
    {159, "TIMEOUT_EXCEEDED", RETRY, MAYBE, "it took longer than max_execution_time; raise it or send less at a time"},
    {160, "TOO_SLOW", RETRY, MAYBE, "it took longer than the profile allows; raise the limit"},
    {164, "READONLY", STOP, KNOWN, "the user's profile allows reading only; give it another profile"},
    {170, "BAD_GET", SLOW, KNOWN, "the server knows no such cluster or macro; correct the rule, or its remote_servers"},
    {173, "CANNOT_ALLOCATE_MEMORY", SLOW, KNOWN, "the server is out of memory; give it more or send smaller batches"},
    {190, "SIZES_OF_ARRAYS_DONT_MATCH", ROW, VALUES,
     "arrays whose columns share a name up to a dot must be of one length; rename all but one of them in a rule"},
    {192, "UNKNOWN_USER", SLOW, KNOWN, rights},
    {193, "WRONG_PASSWORD", SLOW, KNOWN, rights},
    {194, "REQUIRED_PASSWORD", SLOW, KNOWN, rights},
    {195, "IP_ADDRESS_NOT_ALLOWED", STOP, KNOWN, "the user may not connect from this address; widen its HOST clause"},
    {198, "DNS_ERROR", RETRY, MAYBE, network},
    {201, "QUOTA_EXCEEDED", SLOW, KNOWN, "the user's quota is used up; it is tried again until the interval ends"},
    {202, "TOO_MANY_SIMULTANEOUS_QUERIES", RETRY, KNOWN, busy},
    {203, "NO_FREE_CONNECTION", RETRY, KNOWN, busy},
    {209, "SOCKET_TIMEOUT", RETRY, MAYBE, network},
    {210, "NETWORK_ERROR", RETRY, MAYBE, network},
    {216, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING", RETRY, MAYBE, "an earlier attempt still runs; wait for its end"},
    {218, "TABLE_IS_DROPPED", SLOW, KNOWN, missing},
    {225, "NO_ZOOKEEPER", RETRY, MAYBE, keeper},
    {229, "QUERY_IS_TOO_LARGE", STOP, KNOWN, "the statement is longer than max_query_size; raise it for this user"},
    {236, "ABORTED", RETRY, MAYBE, cancelled},
    {241, "MEMORY_LIMIT_EXCEEDED", SLOW, KNOWN, "give the server or user more memory, or send smaller batches"},
    {242, "TABLE_IS_READ_ONLY", RETRY, KNOWN, keeper},
    {243, "NOT_ENOUGH_SPACE", SLOW, KNOWN, "the server's disk is full; free space on it"},
    {246, "CORRUPTED_DATA", SLOW, MAYBE, disk},
    {252, "TOO_MANY_PARTS", SLOW, KNOWN, "merges are behind; send larger batches less often, never smaller ones"},
    {254, "NO_ACTIVE_REPLICAS", RETRY, MAYBE, quorum},
    {271, "CANNOT_DECOMPRESS", SLOW, KNOWN, compress},
    {279, "ALL_CONNECTION_TRIES_FAILED", RETRY, MAYBE, network},
    {285, "TOO_FEW_LIVE_REPLICAS", RETRY, MAYBE, quorum},
    {286, "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE", RETRY, MAYBE, quorum},
    {290, "LIMIT_EXCEEDED", STOP, KNOWN, "a KeeperMap table is at its limit of keys; raise it or remove unused keys"},
    {307, "TOO_MANY_BYTES", STOP, KNOWN, size},
    {319, "UNKNOWN_STATUS_OF_INSERT", RETRY, MAYBE, quorum},
    {321, "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE", ROW, VALUES, value},
    {341, "UNFINISHED", RETRY, MAYBE, quorum},
    {344, "SUPPORT_IS_DISABLED", STOP, KNOWN, settings},
    {349, "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN", REREAD, KNOWN, drift},
    {354, "ZLIB_INFLATE_FAILED", SLOW, KNOWN, compress},
    {373, "SESSION_IS_LOCKED", SLOW, KNOWN, "a proxy or profile puts requests into one session; take it out"},
    {376, "CANNOT_PARSE_UUID", ROW, VALUES, value},
    {389, "INSERT_WAS_DEDUPLICATED", RETRY, MAYBE, "the block was known to the server"},
    {394, "QUERY_WAS_CANCELLED", RETRY, MAYBE, cancelled},
    {395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", STOP, VALUES, "a throwIf() in the statement or in the table refused"},
    {396, "TOO_MANY_ROWS_OR_BYTES", STOP, KNOWN, size},
    {407, "DECIMAL_OVERFLOW", ROW, VALUES, value},
    {425, "SYSTEM_ERROR", RETRY, MAYBE, disk},
    {439, "CANNOT_SCHEDULE_TASK", RETRY, KNOWN, busy},
    {441, "CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING", ROW, VALUES, value},
    {452, "SETTING_CONSTRAINT_VIOLATION", STOP, KNOWN, "the user's profile fixes a setting that is sent; relax it"},
    {455, "SUSPICIOUS_TYPE_FOR_LOW_CARDINALITY", STOP, KNOWN, settings},
    {456, "UNKNOWN_QUERY_PARAMETER", STOP, KNOWN, settings},
    {457, "BAD_QUERY_PARAMETER", STOP, VALUES, "a parameter does not have the type the statement names"},
    {467, "CANNOT_PARSE_BOOL", ROW, VALUES, value},
    {469, "VIOLATED_CONSTRAINT", ROW, VALUES, "a row violates a CONSTRAINT of the table"},
    {497, "ACCESS_DENIED", SLOW, KNOWN, rights},
    {499, "S3_ERROR", RETRY, MAYBE, disk},
    {511, "UNKNOWN_ROLE", SLOW, KNOWN, rights},
    {516, "AUTHENTICATION_FAILED", SLOW, KNOWN, rights},
    {517, "CANNOT_ASSIGN_ALTER", RETRY, KNOWN, "another ALTER of the table was faster"},
    {524, "ALTER_OF_COLUMN_IS_FORBIDDEN", STOP, KNOWN, "this column cannot be changed; make a new table or column"},
    {574, "DISTRIBUTED_TOO_MANY_PENDING_BYTES", SLOW, KNOWN, busy},
    {668, "INVALID_STATE", SLOW, MAYBE, inside},
    {677, "THREAD_WAS_CANCELED", RETRY, MAYBE, cancelled},
    {695, "ASYNC_LOAD_FAILED", SLOW, KNOWN, starting},
    {700, "USER_SESSION_LIMIT_EXCEEDED", RETRY, KNOWN, busy},
    {701, "CLUSTER_DOESNT_EXIST", SLOW, KNOWN,
     "the server knows no such cluster; correct the rule, or its remote_servers"},
    {722, "ASYNC_LOAD_WAIT_FAILED", SLOW, KNOWN, starting},
    {733, "TABLE_IS_BEING_RESTARTED", RETRY, KNOWN, starting},
    {735, "QUERY_WAS_CANCELLED_BY_CLIENT", RETRY, MAYBE, cancelled},
    {745, "SERVER_OVERLOADED", SLOW, KNOWN, busy},
    {749, "TCP_CONNECTION_LIMIT_REACHED", RETRY, KNOWN, busy},
    {999, "KEEPER_EXCEPTION", RETRY, MAYBE, keeper},
    {1000, "POCO_EXCEPTION", RETRY, MAYBE, network},
    {1001, "STD_EXCEPTION", RETRY, MAYBE, disk},
    {1002, "UNKNOWN_EXCEPTION", RETRY, MAYBE, inside},
};

static const struct sluice_ch_reason too_many_partitions = {
    252, "TOO_MANY_PARTS", STOP, KNOWN,
    "one block touches more table partitions than the profile allows; raise max_partitions_per_insert_block"};
static const struct sluice_ch_reason json_text = {
    117, "INCORRECT_DATA", ROW, VALUES,
    "a JSON text that the column type JSON does not take: a path that stands twice, a number beyond a double, too many "
    "levels; correct it at the source, make the column String, or set type_json_skip_duplicated_paths for the user"};
static const struct sluice_ch_reason keeper_conflict = {999, "KEEPER_EXCEPTION", RETRY, KNOWN,
                                                        "another writer was faster; the state is read again"};
static const struct sluice_ch_reason not_in_table = {
    0, "an error this version does not know", SLOW, true, true, "look it up in the server's system.errors and log"};

static const char certificate[] = "check clickhouse.ca_file and the server's certificate";
static const char unanswered[] = "the connection broke before the answer was complete; the server may have done it";

static const struct sluice_ch_reason curl_reasons[] = {
    /* Addresses are checked before, so this is what libcurl calls an answer without a status line. */
    {CURLE_UNSUPPORTED_PROTOCOL, "UNSUPPORTED_PROTOCOL", SLOW, MAYBE, "what answers there does not speak HTTP"},
    {CURLE_URL_MALFORMAT, "URL_MALFORMAT", STOP, KNOWN, "the address is not well formed"},
    {CURLE_COULDNT_RESOLVE_HOST, "COULDNT_RESOLVE_HOST", RETRY, KNOWN,
     "the host name has no address; check clickhouse.url"},
    {CURLE_COULDNT_CONNECT, "COULDNT_CONNECT", RETRY, KNOWN, "nothing answers there; check that the server runs"},
    {CURLE_WEIRD_SERVER_REPLY, "WEIRD_SERVER_REPLY", SLOW, MAYBE, "what answers there does not speak HTTP"},
    {CURLE_PARTIAL_FILE, "PARTIAL_FILE", RETRY, MAYBE, unanswered},
    {CURLE_WRITE_ERROR, "WRITE_ERROR", SLOW, MAYBE, "the answer could not be kept"},
    {CURLE_READ_ERROR, "READ_ERROR", SLOW, MAYBE, "the body could not be read"},
    {CURLE_OUT_OF_MEMORY, "OUT_OF_MEMORY", SLOW, MAYBE, "no memory left for the transfer"},
    {CURLE_OPERATION_TIMEDOUT, "OPERATION_TIMEDOUT", RETRY, MAYBE,
     "no complete answer in time; raise clickhouse.request_timeout or look at the server's load"},
    {CURLE_SSL_CONNECT_ERROR, "SSL_CONNECT_ERROR", RETRY, KNOWN, "no TLS connection; check that the port speaks TLS"},
    {CURLE_ABORTED_BY_CALLBACK, "ABORTED_BY_CALLBACK", RETRY, MAYBE, "given up on request"},
    {CURLE_GOT_NOTHING, "GOT_NOTHING", RETRY, MAYBE, unanswered},
    {CURLE_SEND_ERROR, "SEND_ERROR", RETRY, MAYBE, unanswered},
    {CURLE_RECV_ERROR, "RECV_ERROR", RETRY, MAYBE, unanswered},
    {CURLE_SSL_CERTPROBLEM, "SSL_CERTPROBLEM", SLOW, KNOWN, certificate},
    {CURLE_SSL_CIPHER, "SSL_CIPHER", SLOW, KNOWN, "server and client share no cipher"},
    {CURLE_PEER_FAILED_VERIFICATION, "PEER_FAILED_VERIFICATION", SLOW, KNOWN, certificate},
    {CURLE_BAD_CONTENT_ENCODING, "BAD_CONTENT_ENCODING", SLOW, MAYBE,
     "the answer is encoded though none was asked for"},
    {CURLE_SEND_FAIL_REWIND, "SEND_FAIL_REWIND", RETRY, MAYBE, unanswered},
    {CURLE_SSL_CACERT_BADFILE, "SSL_CACERT_BADFILE", SLOW, KNOWN, certificate},
    {CURLE_SSL_ISSUER_ERROR, "SSL_ISSUER_ERROR", SLOW, KNOWN, certificate},
};

static const struct sluice_ch_reason curl_other = {0, "transport error", RETRY, MAYBE, unanswered};

static const struct sluice_ch_reason *find(const struct sluice_ch_reason *table, size_t n_rows, int code)
{
    size_t low = 0;
    size_t high = n_rows;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table[middle].code == code)
            return &table[middle];
        if (table[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool contains(struct sluice_str text, const char *part)
{
    size_t n_part = strlen(part);
    for (size_t i = 0; i + n_part <= text.len; i++)
        if (memcmp(text.ptr + i, part, n_part) == 0)
            return true;
    return false;
}

const struct sluice_ch_reason *sluice_ch_reason_find(int code, struct sluice_str text)
{
    if (code == 252 && contains(text, "Too many partitions"))
        return &too_many_partitions;
    if (code == 117 && (contains(text, "JSON object") || contains(text, "JSON column")))
        return &json_text;
    if (sluice_ch_is_keeper_conflict(code, text))
        return &keeper_conflict;
    const struct sluice_ch_reason *row = find(reasons, SLUICE_N_ELEMENTS(reasons), code);
    return row != NULL ? row : &not_in_table;
}

bool sluice_ch_is_keeper_conflict(int code, struct sluice_str text)
{
    /* Keeper's own names of ZNODEEXISTS, ZBADVERSION and ZNONODE; outages are "Connection loss", "Session expired",
     * "Operation timeout". */
    return code == 999 && (contains(text, "Node exists") || contains(text, "Bad version") || contains(text, "No node"));
}

const struct sluice_ch_reason *sluice_ch_curl_reason(int curl_code)
{
    const struct sluice_ch_reason *row = find(curl_reasons, SLUICE_N_ELEMENTS(curl_reasons), curl_code);
    return row != NULL ? row : &curl_other;
}

int sluice_ch_code_of_text(struct sluice_str text)
{
    static const char prefix[] = "Code: ";
    size_t at = sizeof prefix - 1;
    int code = 0;
    if (text.len <= at || memcmp(text.ptr, prefix, at) != 0)
        return 0;
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9' && code < 100000)
        code = code * 10 + (text.ptr[at++] - '0');
    return at < text.len && text.ptr[at] == '.' ? code : 0;
}
