/* source_state.c - see source_state.h. */
#include "debezium/source_state.h"

#include <inttypes.h>
#include <stdio.h>

static const char mark[] = "sluice1";
static const uint64_t position_limit = UINT64_C(1) << 56;

static uint64_t source_id(const struct sluice_source *source)
{
    /* Two hashes, so that ("ab", "c") and ("a", "bc") differ. */
    return sluice_str_hash(source->name) * UINT64_C(31) + sluice_str_hash(source->db);
}

static struct sluice_source_position *find_source(struct sluice_source_state *state, uint64_t id)
{
    for (size_t i = 0; i < state->n_sources; i++) {
        if (state->sources[i].id == id)
            return &state->sources[i];
    }
    return NULL;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static enum sluice_code read_position(const struct sluice_source *source, uint64_t *commit, struct sluice_error *err)
{
    if (source->has_sequence0)
        *commit = source->sequence0;
    else if (source->has_sequence1)
        *commit = source->sequence1;
    else if (source->has_lsn)
        *commit = source->lsn;
    else
        return sluice_error_set(err, SLUICE_E_POSITION, SLUICE_REJECT,
                                "field \"source.lsn\": a row read by query has neither sequence nor lsn, so its place "
                                "among the changes is unknown; take the snapshot again with Debezium 1.5 or newer");
    return SLUICE_OK;
}

static enum sluice_code check_history(const struct sluice_source_position *seen, const struct sluice_source *source,
                                      int64_t clock_slack_us, struct sluice_error *err)
{
    if (source->sequence0 >= seen->commit || source->ts_us <= seen->ts_us)
        return SLUICE_OK;
    bool is_clear = source->ts_us - seen->ts_us > clock_slack_us;
    return sluice_error_set(err, SLUICE_E_HISTORY, SLUICE_REJECT,
                            "field \"source.sequence\": commit position %" PRIu64
                            " of source \"%.*s\" lies below %" PRIu64
                            " seen before, with a later commit time; %s; rebuild the target from a new snapshot under "
                            "a new pipeline name, or "
                            "skip the records by moving the group's offset",
                            source->sequence0, SLUICE_STR_ARG(source->name), seen->commit,
                            is_clear ? "the source was restored or failed over to an older position"
                                     : "whether the source's history went back or only its clock is unclear");
}

static enum sluice_code streamed_position(struct sluice_source_position *seen, const struct sluice_source *source,
                                          int64_t clock_slack_us, uint64_t *commit, struct sluice_error *err)
{
    if (!source->has_lsn)
        return sluice_error_set(err, SLUICE_E_POSITION, SLUICE_REJECT,
                                "field \"source.lsn\" is missing in a streamed change; the connector must be Debezium "
                                "for PostgreSQL 1.5 or newer, without a transform that drops it");
    if (!source->has_sequence0) {
        *commit = max_u64(source->lsn, seen->snapshot_lsn);
        return SLUICE_OK;
    }
    enum sluice_code code = check_history(seen, source, clock_slack_us, err);
    if (code != SLUICE_OK)
        return code;
    *commit = source->sequence0;
    seen->commit = max_u64(seen->commit, source->sequence0);
    if (source->ts_us > seen->ts_us)
        seen->ts_us = source->ts_us;
    return SLUICE_OK;
}

enum sluice_code sluice_source_state_version(struct sluice_source_state *state, const struct sluice_source *source,
                                             char op, bool moved_key, int64_t clock_slack_us,
                                             struct sluice_version *out, struct sluice_error *err)
{
    uint64_t id = source_id(source);
    struct sluice_source_position *known = find_source(state, id);
    struct sluice_source_position seen = known != NULL ? *known : (struct sluice_source_position){.id = id};
    uint64_t commit = 0;
    uint64_t change = 0;
    enum sluice_code code;

    if (known == NULL && state->n_sources == SLUICE_MAX_SOURCES)
        return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_REJECT,
                                "field \"source.name\": \"%.*s\" is one more than the %d sources that may share a "
                                "partition; give each connector topics of its own",
                                SLUICE_STR_ARG(source->name), SLUICE_MAX_SOURCES);
    if (op == 'r') {
        code = read_position(source, &commit, err);
        seen.snapshot_lsn = max_u64(seen.snapshot_lsn, commit);
    } else {
        code = streamed_position(&seen, source, clock_slack_us, &commit, err);
        change = source->lsn + (moved_key ? 1 : 0); /* the low three bits of an lsn are 0 */
    }
    if (code != SLUICE_OK)
        return code;
    if (commit >= position_limit || change >= position_limit)
        return sluice_error_set(err, SLUICE_E_POSITION, SLUICE_REJECT,
                                "field \"source.lsn\": position %" PRIu64 " needs more than 56 bits",
                                max_u64(commit, change));
    if (known == NULL)
        known = &state->sources[state->n_sources++];
    *known = seen;
    out->high = commit >> 8;
    out->low = commit << 56 | change;
    return SLUICE_OK;
}

void sluice_source_state_format(const struct sluice_source_state *state, char text[SLUICE_SOURCE_STATE_TEXT])
{
    size_t used = (size_t)snprintf(text, SLUICE_SOURCE_STATE_TEXT, "%s", mark);
    for (size_t i = 0; i < state->n_sources; i++) {
        const struct sluice_source_position *p = &state->sources[i];
        used += (size_t)snprintf(text + used, SLUICE_SOURCE_STATE_TEXT - used,
                                 " %" PRIx64 ":%" PRIx64 ":%" PRIx64 ":%" PRIx64, p->id, p->commit, p->snapshot_lsn,
                                 (uint64_t)p->ts_us);
    }
}

bool sluice_source_state_parse(struct sluice_source_state *state, const char *text_z)
{
    struct sluice_source_state read = {0};
    *state = read;
    if (text_z == NULL || strncmp(text_z, mark, sizeof mark - 1) != 0)
        return false;
    const char *at = text_z + sizeof mark - 1;
    while (*at == ' ') {
        struct sluice_source_position p = {0};
        uint64_t ts_us = 0;
        int n_used = 0;
        /* NOLINTNEXTLINE(cert-err34-c): a number out of range reads as the highest, which no source has reached. */
        if (read.n_sources == SLUICE_MAX_SOURCES || sscanf(at, " %" SCNx64 ":%" SCNx64 ":%" SCNx64 ":%" SCNx64 "%n",
                                                           &p.id, &p.commit, &p.snapshot_lsn, &ts_us, &n_used) != 4)
            return false;
        p.ts_us = (int64_t)ts_us;
        read.sources[read.n_sources++] = p;
        at += n_used;
    }
    if (*at != '\0')
        return false;
    *state = read;
    return true;
}
