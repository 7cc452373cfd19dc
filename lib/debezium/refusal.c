/* refusal.c - see refusal.h. */
#include "debezium/refusal.h"

#include "debezium/text.h"

enum sluice_code refuse_op(struct sluice_error *err)
{
    return field_error(err, SLUICE_E_ENVELOPE, "op",
                       "one of \"c\", \"u\", \"d\", \"r\", \"t\", \"m\" is expected; was the record written by a newer "
                       "Debezium, or not by Debezium at all?");
}

enum sluice_code refuse_name(const char *field, struct sluice_str name, const char *remedy, struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT,
                            "field \"%s\": a name with a zero byte or of thousands of bytes is none of PostgreSQL "
                            "(%.*s); %s",
                            field, SLUICE_STR_ARG(name), remedy);
}

enum sluice_code refuse_no_connector(struct sluice_error *err)
{
    return field_error(err, SLUICE_E_ENVELOPE, "source.connector",
                       "it is missing, the text \"postgresql\" is expected");
}
