/* items.h - walks through an array, a map or a struct, of JSON text or of Avro bytes alike.
 *
 * No allocation. What the parts are is not known here: a part is a value, whole, and may be walked in turn. The walk is
 * over its own bytes only, so depth is bounded by whoever recurses (one level per level of the column's type).
 */
#ifndef SLUICE_TABLE_ITEMS_H
#define SLUICE_TABLE_ITEMS_H

#include "avro/reader.h"
#include "json/cursor.h"

struct items {
    bool is_avro;
    bool is_object; /* JSON: an object, no array */
    bool first;
    struct sluice_json_cursor json;
    struct avro_walk avro;
};

enum items_step {
    ITEMS_ONE,   /* one more */
    ITEMS_END,   /* no more */
    ITEMS_BROKEN /* err is set: SLUICE_E_JSON or SLUICE_E_AVRO */
};

/* False if the value is none: an array; a map, spelled as an object or as an array of pairs; a struct. */
bool items_open_array(struct items *items, const struct sluice_value *value);
bool items_open_map(struct items *items, const struct sluice_value *value);
bool items_open_struct(struct items *items, const struct sluice_value *value);

enum items_step items_next(struct items *items, struct sluice_value *item, struct sluice_error *err);
enum items_step items_next_entry(struct items *items, struct sluice_value *key, struct sluice_value *value,
                                 struct sluice_error *err);
/* `name` as written; a member of Debezium's structs never has escapes in it. */
enum items_step items_next_member(struct items *items, struct sluice_str *name, struct sluice_value *value,
                                  struct sluice_error *err);

/* The members of those names; kind SLUICE_VALUE_NULL for one that is not there. ITEMS_ONE; ITEMS_END if `value` is no
 * struct; ITEMS_BROKEN. */
enum items_step items_find(const struct sluice_value *value, const char *const *names, size_t n,
                           struct sluice_value *out, struct sluice_error *err);

#endif
