/* lex.h - the little grammar that ClickHouse's type texts, engine parameters and sorting keys share.
 *
 * Lists separated by commas, calls `Name(list)`, and quoted words: 'text', `name`, "name", with backslash escapes or
 * the quote doubled. Everything is borrowed from the text given. Source: ClickHouse documentation, "Syntax" (string
 * literals, identifiers).
 */
#ifndef SLUICE_TABLE_LEX_H
#define SLUICE_TABLE_LEX_H

#include "base/arena.h"

/* Takes the next item of a comma-separated list out of *rest, without the spaces around it; commas in quotes and
 * parentheses do not separate. False when *rest holds nothing more. *ok becomes false when quotes or parentheses do not
 * match (then the result is false too). Set *ok to true before the first call. */
bool lex_next(struct sluice_str *rest, struct sluice_str *item, bool *ok);

struct lex_call {
    struct sluice_str name;
    struct sluice_str arguments; /* between the parentheses */
    bool has_arguments;
    struct sluice_str rest; /* after the closing parenthesis, without leading spaces */
};

/* Reads `Name` or `Name(...)`; false if there is no name or the parenthesis does not close. */
bool lex_call(struct sluice_str text, struct lex_call *out);

/* The content of a word quoted by `quote`, copied into the arena; *is_word = false (and SLUICE_OK) if `text` is not
 * exactly one such word. */
SLUICE_MUST_CHECK enum sluice_code lex_unquote(struct sluice_arena *arena, struct sluice_str text, char quote,
                                               struct sluice_str *out, bool *is_word, struct sluice_error *err);

/* An identifier, plain or in backquotes; as lex_unquote. */
SLUICE_MUST_CHECK enum sluice_code lex_identifier(struct sluice_arena *arena, struct sluice_str text,
                                                  struct sluice_str *out, bool *is_identifier,
                                                  struct sluice_error *err);

/* The length of the quoted word at the start of `text`, quotes included; 0 if it does not end. */
size_t lex_quoted_length(struct sluice_str text);

/* Decimal digits only, at most `max`; false otherwise. */
bool lex_unsigned(struct sluice_str text, unsigned long max, unsigned long *out);

#endif
