/* fields.c - see fields.h. */
#include "debezium/fields.h"

/* The next member the long way; its name is what is expected here next time. */
static enum sluice_code learn_member(struct sluice_json_cursor *cursor, struct fields_layout *layout, size_t i,
                                     bool *first, bool *more, struct sluice_str *name, struct sluice_error *err)
{
    enum sluice_code code = sluice_json_next_member(cursor, first, more, name, err);
    if (code != SLUICE_OK || !*more)
        return code;
    if (i == SLUICE_MAX_FIELDS)
        return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_REJECT, "a row of more than %d fields", SLUICE_MAX_FIELDS);
    json_expect(&layout->names[i], *name);
    layout->n_names = i < layout->n_names ? layout->n_names : i + 1;
    return SLUICE_OK;
}

enum sluice_code fields_read(struct sluice_json_cursor *cursor, struct fields_layout *layout,
                             struct sluice_field *fields, size_t *n_fields, struct sluice_error *err)
{
    bool first = true;
    bool more = true;
    enum sluice_code code = sluice_json_enter_object(cursor, err);
    for (size_t i = 0; code == SLUICE_OK; i++) {
        struct sluice_str name;
        if (i > 0 && json_quick_end(cursor)) {
            *n_fields = i;
            break;
        }
        if (i >= layout->n_names || !json_quick_member(cursor, &first, &layout->names[i], &name)) {
            code = learn_member(cursor, layout, i, &first, &more, &name, err);
            if (code == SLUICE_OK && !more)
                *n_fields = i;
            if (code != SLUICE_OK || !more)
                break;
        }
        fields[i].name = name;
        if (!json_quick_value(cursor, &fields[i].value))
            code = sluice_json_value(cursor, &fields[i].value, err);
    }
    return code;
}
