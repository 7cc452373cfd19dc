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

/* 16 bits of the version. */
static const uint64_t generation_limit = UINT64_C(1) << 16;

enum history { HISTORY_SAME, HISTORY_NEW, HISTORY_UNCLEAR };

/* `known` is the highest position that `position` must not lie below, 0 if there is none. */
static enum history judge(const struct sluice_source_position *seen, uint64_t known, uint64_t position, int64_t ts_us,
                          int64_t clock_slack_us)
{
    if (position >= known || ts_us <= seen->ts_us)
        return HISTORY_SAME;
    return ts_us - seen->ts_us > clock_slack_us ? HISTORY_NEW : HISTORY_UNCLEAR;
}

static enum sluice_code refuse_history(const struct sluice_source *source, enum history history, uint64_t position,
                                       struct sluice_error *err)
{
    static const char *const what[] = {
        [HISTORY_NEW] = "new_history: the source was restored or failed over to an older position; set "
                        "version.on_new_history: new_generation with version.mode: log_position to let later changes "
                        "win, or rebuild the target from a new snapshot under a new pipeline name",
        [HISTORY_UNCLEAR] = "history_unclear: either it was restored to an older position or its clock is off by less "
                            "than version.clock_slack; if it was restored, set version.clock_slack: 0s and start again",
    };
    return sluice_error_set(err, SLUICE_E_HISTORY, SLUICE_REJECT,
                            "position %" PRIu64 " of source \"%.*s\" lies below what was seen before, at a later time: "
                            "%s",
                            position, SLUICE_STR_ARG(source->name), what[history]);
}

/* From here on nothing that was seen before counts any more. */
static enum sluice_code begin_generation(struct sluice_source_position *seen, struct sluice_error *err)
{
    if (seen->generation + 1 >= generation_limit)
        return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_REJECT,
                                "the source's history went back %" PRIu64 " times, which is all a version has room "
                                "for; rebuild the target under a new pipeline name",
                                seen->generation);
    seen->generation++;
    seen->commit = 0;
    seen->snapshot_lsn = 0;
    return SLUICE_OK;
}

static enum sluice_code check_history(struct sluice_source_position *seen, const struct sluice_source *source,
                                      uint64_t known, uint64_t position, const struct sluice_version_rules *rules,
                                      struct sluice_error *err)
{
    enum history history = judge(seen, known, position, source->ts_us, rules->clock_slack_us);
    if (SLUICE_LIKELY(history == HISTORY_SAME))
        return SLUICE_OK;
    bool goes_on = rules->on_new_history == SLUICE_NEW_HISTORY_GENERATION && rules->mode == SLUICE_VERSION_LOG_POSITION;
    if (history == HISTORY_UNCLEAR || !goes_on)
        return refuse_history(source, history, position, err);
    return begin_generation(seen, err);
}

static enum sluice_code read_position_checked(struct sluice_source_position *seen, const struct sluice_source *source,
                                              const struct sluice_version_rules *rules, uint64_t *commit,
                                              struct sluice_error *err)
{
    enum sluice_code code = read_position(source, commit, err);
    if (code == SLUICE_OK && source->has_lsn && !source->has_sequence0)
        code = check_history(seen, source, max_u64(seen->commit, seen->snapshot_lsn), *commit, rules, err);
    if (code == SLUICE_OK)
        seen->snapshot_lsn = max_u64(seen->snapshot_lsn, *commit);
    return code;
}

static enum sluice_code streamed_position(struct sluice_source_position *seen, const struct sluice_source *source,
                                          const struct sluice_version_rules *rules, uint64_t *commit,
                                          struct sluice_error *err)
{
    if (!source->has_lsn)
        return sluice_error_set(err, SLUICE_E_POSITION, SLUICE_REJECT,
                                "field \"source.lsn\" is missing in a streamed change; the connector must be Debezium "
                                "for PostgreSQL 1.5 or newer, without a transform that drops it");
    uint64_t position = source->has_sequence0 ? source->sequence0 : source->lsn;
    uint64_t known = source->has_sequence0 || seen->snapshot_lsn <= seen->commit ? seen->commit : 0;
    enum sluice_code code = check_history(seen, source, known, position, rules, err);
    if (code != SLUICE_OK)
        return code;
    if (source->has_sequence0)
        seen->commit = max_u64(seen->commit, position);
    if (source->ts_us > seen->ts_us)
        seen->ts_us = source->ts_us;
    *commit = source->has_sequence0 ? position : max_u64(position, seen->snapshot_lsn);
    return SLUICE_OK;
}

static struct sluice_version compose(const struct sluice_version_rules *rules, uint64_t generation, uint64_t commit,
                                     uint64_t change, const struct sluice_source *source)
{
    if (rules->mode == SLUICE_VERSION_LSN)
        return (struct sluice_version){0, source->has_lsn ? source->lsn : commit};
    return (struct sluice_version){generation << 48 | commit >> 8, commit << 56 | change};
}

enum sluice_code sluice_source_state_version(struct sluice_source_state *state, const struct sluice_source *source,
                                             char op, bool moved_key, const struct sluice_version_rules *rules,
                                             struct sluice_version *out, struct sluice_error *err)
{
    uint64_t id = source_id(source);
    struct sluice_source_position *known = find_source(state, id);
    struct sluice_source_position seen =
        known != NULL ? *known : (struct sluice_source_position){.id = id, .generation = rules->generation};
    uint64_t commit = 0;
    uint64_t change = 0;
    enum sluice_code code;

    if (known == NULL && state->n_sources == SLUICE_MAX_SOURCES)
        return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_REJECT,
                                "field \"source.name\": \"%.*s\" is one more than the %d sources that may share a "
                                "partition; give each connector topics of its own",
                                SLUICE_STR_ARG(source->name), SLUICE_MAX_SOURCES);
    if (op == 'r') {
        code = read_position_checked(&seen, source, rules, &commit, err);
    } else {
        code = streamed_position(&seen, source, rules, &commit, err);
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
    *out = compose(rules, seen.generation, commit, change, source);
    return SLUICE_OK;
}

struct sluice_version sluice_version_of_offset(uint64_t generation, int64_t offset)
{
    /* The low bits stay free, as those of a log position (table/settle.h). */
    return (struct sluice_version){generation << 48, (uint64_t)offset << 3};
}

uint64_t sluice_source_state_generation(const struct sluice_source_state *state, const struct sluice_source *source)
{
    uint64_t id = source_id(source);
    for (size_t i = 0; i < state->n_sources; i++) {
        if (state->sources[i].id == id)
            return state->sources[i].generation;
    }
    return 0;
}

void sluice_source_state_format(const struct sluice_source_state *state, char text[SLUICE_SOURCE_STATE_TEXT])
{
    size_t used = (size_t)snprintf(text, SLUICE_SOURCE_STATE_TEXT, "%s", mark);
    for (size_t i = 0; i < state->n_sources; i++) {
        const struct sluice_source_position *p = &state->sources[i];
        used += (size_t)snprintf(text + used, SLUICE_SOURCE_STATE_TEXT - used,
                                 " %" PRIx64 ":%" PRIx64 ":%" PRIx64 ":%" PRIx64, p->id, p->commit, p->snapshot_lsn,
                                 (uint64_t)p->ts_us);
        if (p->generation > 0)
            used += (size_t)snprintf(text + used, SLUICE_SOURCE_STATE_TEXT - used, ":%" PRIx64, p->generation);
    }
    if (state->layout >= SLUICE_SEEN_FLATTENED)
        (void)snprintf(text + used, SLUICE_SOURCE_STATE_TEXT - used, " ~%d", (int)state->layout);
}

bool sluice_source_state_parse(struct sluice_source_state *state, const char *text_z)
{
    struct sluice_source_state read = {0};
    *state = read;
    if (text_z == NULL || strncmp(text_z, mark, sizeof mark - 1) != 0)
        return false;
    const char *at = text_z + sizeof mark - 1;
    while (at[0] == ' ' && at[1] != '~') {
        struct sluice_source_position p = {0};
        uint64_t ts_us = 0;
        int n_used = 0;
        /* NOLINTNEXTLINE(cert-err34-c): a number out of range reads as the highest, which no source has reached. */
        if (read.n_sources == SLUICE_MAX_SOURCES || sscanf(at, " %" SCNx64 ":%" SCNx64 ":%" SCNx64 ":%" SCNx64 "%n",
                                                           &p.id, &p.commit, &p.snapshot_lsn, &ts_us, &n_used) != 4)
            return false;
        p.ts_us = (int64_t)ts_us;
        at += n_used;
        if (*at == ':') {
            /* NOLINTNEXTLINE(cert-err34-c): as above; what is too high is refused below. */
            if (sscanf(at, ":%" SCNx64 "%n", &p.generation, &n_used) != 1 || p.generation == 0 ||
                p.generation >= generation_limit)
                return false;
            at += n_used;
        }
        read.sources[read.n_sources++] = p;
    }
    if (strcmp(at, " ~2") == 0)
        read.layout = SLUICE_SEEN_FLATTENED;
    else if (strcmp(at, " ~3") == 0)
        read.layout = SLUICE_SEEN_FLATTENED_MARKED;
    else if (*at != '\0')
        return false;
    *state = read;
    return true;
}
