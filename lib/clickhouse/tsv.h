/* tsv.h - answers in the format TabSeparated, read back: every byte a field can hold comes through, UTF-8 or not. */
#ifndef SLUICE_CLICKHOUSE_TSV_H
#define SLUICE_CLICKHOUSE_TSV_H

#include "base/arena.h"

/* Takes the next line off `text` (its newline too). False at the end. */
bool tsv_next_line(struct sluice_str *text, struct sluice_str *line);
/* Takes the next field off `line`, still escaped; afterwards line->ptr is NULL if it was the last. False when none is
 * left. A line "a<tab>" has two fields, an empty line has one. */
bool tsv_next_field(struct sluice_str *line, struct sluice_str *field);
/* A NUL-terminated unescaped copy. Errors: SLUICE_E_NOMEM, SLUICE_E_LIMIT of the arena. */
SLUICE_MUST_CHECK enum sluice_code tsv_unescape(struct sluice_arena *arena, struct sluice_str field, const char **out,
                                                struct sluice_error *err);

#endif
