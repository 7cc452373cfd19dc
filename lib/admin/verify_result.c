/* verify_result.c - see verify_result.h. The printing is in verify_report.c. */
#include "admin/verify_result.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 16 << 20, MAX_CELL = 160 };

enum sluice_code verify_result_new(const char *source, struct verify_result **out, struct sluice_error *err)
{
    struct verify_result *result = calloc(1, sizeof *result);
    if (result == NULL)
        return sluice_error_nomem(err, "the result of a comparison", sizeof *result);
    sluice_arena_init(&result->arena, ARENA_BYTES, "the result of a comparison");
    result->is_complete = true;
    result->share = 1;
    result->source = sluice_arena_copy(&result->arena, sluice_str_from(source), err);
    if (result->source == NULL) {
        verify_result_free(result);
        return err->code;
    }
    *out = result;
    return SLUICE_OK;
}

void verify_result_free(struct verify_result *result)
{
    while (result != NULL) {
        struct verify_result *next = result->next;
        verify_plan_free(result->plan);
        sluice_arena_deinit(&result->arena);
        free(result);
        result = next;
    }
}

uint64_t verify_result_found(const struct verify_result *result)
{
    uint64_t n = 0;
    for (size_t i = 0; i < VERIFY_N_KINDS; i++)
        n += result->n_found[i];
    return n;
}

/* Cut between characters. */
static struct sluice_str cut(struct sluice_str text)
{
    if (text.len <= MAX_CELL)
        return text;
    size_t n = MAX_CELL;
    while (n > MAX_CELL - 4 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
        n--;
    return (struct sluice_str){text.ptr, n};
}

static const struct sluice_str *copy_cells(struct verify_result *result, const struct sluice_str *cells, size_t n)
{
    struct sluice_error ignored;
    struct sluice_str *copies = sluice_arena_alloc_array(&result->arena, n, sizeof *copies, &ignored);
    for (size_t i = 0; i < n && copies != NULL; i++) {
        struct sluice_str text = cut(cells[i]);
        if (cells[i].ptr == NULL)
            continue;
        char *copy = sluice_arena_alloc(&result->arena, text.len + 4, &ignored);
        if (copy == NULL)
            return NULL;
        memcpy(copy, text.ptr, text.len);
        if (text.len < cells[i].len)
            memcpy(copy + text.len, "...", 3);
        copies[i] = (struct sluice_str){copy, text.len + (text.len < cells[i].len ? 3 : 0)};
    }
    return copies;
}

void verify_result_add(struct verify_result *result, enum verify_kind kind, const struct sluice_str *source,
                       const struct sluice_str *target, const bool *differs)
{
    struct sluice_error ignored;
    const size_t n = result->plan->n_columns;
    result->n_found[kind]++;
    struct verify_difference *made = sluice_arena_alloc(&result->arena, sizeof *made, &ignored);
    bool *flags = made != NULL ? sluice_arena_alloc(&result->arena, n, &ignored) : NULL;
    if (flags == NULL)
        return;
    *made = (struct verify_difference){.kind = kind, .differs = flags};
    if (differs != NULL)
        memcpy(flags, differs, n);
    if (source != NULL)
        made->cells[CANON_SOURCE] = copy_cells(result, source, n);
    if (target != NULL)
        made->cells[CANON_TARGET] = copy_cells(result, target, n);
    made->key = made->cells[CANON_SOURCE] != NULL ? made->cells[CANON_SOURCE] : made->cells[CANON_TARGET];
    if (made->key == NULL)
        return;
    if (result->last != NULL)
        result->last->next = made;
    else
        result->first = made;
    result->last = made;
    result->n_listed++;
}
