/* target.c - see target.h. */
#include "table/target.h"

#include "table/lex.h"

/* A table of 1,664 columns whose types are enums of some hundred labels stays far below this. */
enum { TARGET_MAX_BYTES = 64 << 20 };

void sluice_target_init(struct sluice_target *target)
{
    *target = (struct sluice_target){0};
    sluice_arena_init(&target->arena, TARGET_MAX_BYTES, "description of a target table");
}

void sluice_target_deinit(struct sluice_target *target)
{
    sluice_arena_deinit(&target->arena);
    *target = (struct sluice_target){0};
}

const struct sluice_target_column *sluice_target_find(const struct sluice_target *target, const char *column_z)
{
    for (size_t i = 0; i < target->n_columns; i++) {
        if (strcmp(target->columns[i].name, column_z) == 0)
            return &target->columns[i];
    }
    return NULL;
}

struct sluice_engine sluice_engine_of(const char *name_z)
{
    static const char replicated[] = "Replicated";
    static const char shared[] = "Shared";
    static const char suffix[] = "MergeTree";
    struct sluice_engine engine = {SLUICE_ENGINE_OTHER, SLUICE_ENGINE_LOCAL};
    size_t length = strlen(name_z);
    if (length < sizeof suffix - 1 || strcmp(name_z + length - (sizeof suffix - 1), suffix) != 0)
        return engine;
    if (strncmp(name_z, replicated, sizeof replicated - 1) == 0) {
        engine.home = SLUICE_ENGINE_REPLICATED;
        name_z += sizeof replicated - 1;
    } else if (strncmp(name_z, shared, sizeof shared - 1) == 0) {
        engine.home = SLUICE_ENGINE_SHARED;
        name_z += sizeof shared - 1;
    }
    engine.kind = strcmp(name_z, suffix) == 0                 ? SLUICE_ENGINE_MERGE_TREE
                  : strcmp(name_z, "ReplacingMergeTree") == 0 ? SLUICE_ENGINE_REPLACING
                                                              : SLUICE_ENGINE_MERGING;
    return engine;
}

/* Replicated engines may begin with two quoted texts (path and replica), which are no columns. */
static enum sluice_code read_parameters(struct sluice_target *target, struct sluice_str arguments,
                                        struct sluice_error *err)
{
    const char **const slots[] = {&target->version_column, &target->deleted_column};
    size_t n_columns = 0;
    struct sluice_str item;
    bool ok = true;
    while (n_columns < SLUICE_N_ELEMENTS(slots) && lex_next(&arguments, &item, &ok)) {
        struct sluice_str name;
        bool is_identifier;
        if (item.ptr[0] == '\'')
            continue;
        enum sluice_code code = lex_identifier(&target->arena, item, &name, &is_identifier, err);
        if (code != SLUICE_OK)
            return code;
        if (!is_identifier)
            break; /* something this version does not know: the plan then refuses the table for lack of columns */
        *slots[n_columns++] = name.ptr;
    }
    return SLUICE_OK;
}

enum sluice_code sluice_target_read_engine(struct sluice_target *target, struct sluice_error *err)
{
    struct lex_call call;
    target->version_column = "";
    target->deleted_column = "";
    if (sluice_engine_of(target->engine).kind != SLUICE_ENGINE_REPLACING)
        return SLUICE_OK;
    if (!lex_call(sluice_str_from(target->engine_full), &call) || !call.has_arguments)
        return SLUICE_OK;
    return read_parameters(target, call.arguments, err);
}
