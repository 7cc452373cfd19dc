/* transform.h - columns whose values are replaced before anything is stored: mask, hash, hmac, tokenize.
 *
 * A transform is a conversion like any other (convert.h): it takes the text that the value has in a String column and
 * writes what stands for it. So the same value gives the same result in every encoding, in rows and in the keys of
 * deleted rows, and nothing behind the conversion ever sees the value. NULL stays NULL, and the placeholder of
 * unchanged TOAST is recognised before a conversion is called. `drop` is no conversion: the column is excluded.
 *
 *   mask      "****" in String columns, the type's zero in others
 *   hash      SHA-256 of the text, 64 lower-case hex digits
 *   hmac      "KEY_ID:" and HMAC-SHA-256 of the text under transforms.key, 64 lower-case hex digits
 *   tokenize  HMAC-SHA-256 of the text under a key derived from transforms.key, its first 128 bits in 26 lower-case
 *             characters of base32 (RFC 4648, without padding); behind it "@domain" when the text is an e-mail address.
 *             The token is made of the whole address: equal names at different domains give different tokens.
 *
 * The text of a decimal has no zeros at its end, so that 1, 1.0 and 1.00 are the same value.
 */
#ifndef SLUICE_TABLE_TRANSFORM_H
#define SLUICE_TABLE_TRANSFORM_H

#include "sluice/rules.h"
#include "table/convert.h"

struct transform;

/* Whether values of the column are written by a transform. */
bool transform_is_set(const struct sluice_column_settings *settings);
/* Whether they become texts, so that a column made for them is String whatever the source's type. NULL: no. */
bool transform_makes_text(const struct sluice_column_settings *settings);

/* Chooses the conversion of `column` into `type` under the column's transform, which must be set; as convert_choose().
 * `table` has the key. Errors: SLUICE_E_TYPE with SLUICE_STOP_PARTITION (the type has no text, the target holds none,
 * or the transform is mask and the column is of the source's key), SLUICE_E_NOMEM, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code
transform_choose(struct sluice_arena *arena, const struct sluice_table_settings *table,
                 const struct sluice_column_settings *settings, const struct sluice_source_column *column,
                 const struct sluice_type *type, const char *type_text, struct convert *out, struct sluice_error *err);

/* False when different values may become the same one: such a column can't be of a sorting key. NULL: true. */
bool transform_keeps_apart(const struct transform *transform);

#endif
