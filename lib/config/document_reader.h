/* document_reader.h - the inside of config_document_parse(), shared by document.c and node.c. */
#ifndef SLUICE_CONFIG_DOCUMENT_READER_H
#define SLUICE_CONFIG_DOCUMENT_READER_H

#include <yaml.h>

#include "config/document.h"

struct document_reader {
    yaml_parser_t parser;
    struct sluice_arena *arena;
    const char *place; /* file, or "--set key" */
    bool lines;        /* whether errors name the line */
    struct config_entry *first;
    struct config_entry **last;
    size_t n_entries;
    size_t n_items;
    struct sluice_error *err;
};

SLUICE_DEFINE_AUTO(yaml_event, yaml_event_t, yaml_event_delete)

static inline int document_line(const yaml_event_t *event)
{
    return (int)event->start_mark.line + 1;
}

/* SLUICE_E_CONFIG: "PLACE:LINE: KEY: WHAT"; no key when it is empty. */
enum sluice_code document_fail(struct document_reader *reader, int line, const char *key, const char *what);
/* Refuses anchors, aliases and tags. */
SLUICE_MUST_CHECK enum sluice_code document_next(struct document_reader *reader, yaml_event_t *event);
/* Copied to the arena. */
SLUICE_MUST_CHECK enum sluice_code document_text(struct document_reader *reader, const yaml_event_t *event,
                                                 const char *key, const char **out);
/* Nothing, ~ or null, without quotes. */
bool document_is_null(const yaml_event_t *event);

/* The value that begins with `event`, as a tree. `key` is the way to it, for errors. */
SLUICE_MUST_CHECK enum sluice_code document_read_node(struct document_reader *reader, const yaml_event_t *event,
                                                      const char *key, struct config_node **out);

#endif
