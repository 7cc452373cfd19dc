/* verify_result.h - what a comparison of one table found, and how it is printed. Thread: main. */
#ifndef SLUICE_ADMIN_VERIFY_RESULT_H
#define SLUICE_ADMIN_VERIFY_RESULT_H

#include "admin/verify_plan.h"
#include "sluice/verify.h"

enum verify_kind {
    VERIFY_MISSING,  /* the target has no live row of the key */
    VERIFY_GHOST,    /* the source has none */
    VERIFY_CHANGED,  /* cells differ */
    VERIFY_REPEATED, /* the target has several live rows of the key */
    VERIFY_N_KINDS
};

struct verify_difference {
    enum verify_kind kind;
    const struct sluice_str *key;      /* a text for each key column */
    const bool *differs;               /* by column; NULL unless CHANGED */
    const struct sluice_str *cells[2]; /* by side, where there is a row; ptr NULL: NULL */
    struct verify_difference *next;
};

enum verify_outcome { VERIFY_IS_EQUAL, VERIFY_IS_DIFFERENT, VERIFY_IS_UNDECIDED, VERIFY_IS_FAILED };

struct verify_result {
    struct sluice_arena arena;
    char *source;             /* "name.schema.table" */
    struct verify_plan *plan; /* NULL if there is none */
    enum verify_outcome outcome;
    char reason[768]; /* why it failed, or is undecided; "" */
    bool has_counts;
    uint64_t n_rows[2]; /* by side */
    uint64_t lsn;       /* of the source's snapshot; 0: none */
    double share;
    uint64_t n_found[VERIFY_N_KINDS];
    bool is_complete; /* false: there are more differences than were looked at */
    uint64_t n_undecided;
    struct verify_difference *first; /* in the order found */
    struct verify_difference *last;
    size_t n_listed;
    int64_t took_us;
    struct verify_result *next;
};

/* Makes an empty one. Errors: SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code verify_result_new(const char *source, struct verify_result **out,
                                                     struct sluice_error *err);
void verify_result_free(struct verify_result *result); /* the list behind it, too; NULL does nothing */

uint64_t verify_result_found(const struct verify_result *result);
/* Copies a difference with its texts, each cut to what can be shown; without memory for more it counts only. */
void verify_result_add(struct verify_result *result, enum verify_kind kind, const struct sluice_str *source,
                       const struct sluice_str *target, const bool *differs);

/* The whole report. Errors: SLUICE_E_IO, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code verify_report(const struct verify_result *results, FILE *out, bool json,
                                                 struct sluice_error *err);

/* "equal", "different", "undecided" or "failed". */
const char *verify_outcome_name(enum verify_outcome outcome);
/* A cell for a person: NULL, or the text as far as it is UTF-8 and short enough, else \x and digits. */
void verify_show_cell(struct sluice_str cell, char *out, size_t size);

#endif
