/* document.h - a YAML text as a flat list of dotted keys with texts. No meaning yet: that is load.c.
 *
 * What stands below tables.rules and tables.defaults is kept as a tree: names of columns may hold dots.
 *
 * Limits against hostile input: size, depth, number of entries and items. Anchors, aliases and tags are refused, so
 * nothing can multiply; so are keys that appear twice, in whichever spelling.
 */
#ifndef SLUICE_CONFIG_DOCUMENT_H
#define SLUICE_CONFIG_DOCUMENT_H

#include "base/arena.h"

enum {
    CONFIG_MAX_FILE_BYTES = 1 << 20,
    CONFIG_MAX_DEPTH = 8,
    CONFIG_MAX_ENTRIES = 2000,
    CONFIG_MAX_ITEMS = 10000,
    CONFIG_MAX_KEY = 200
};

#define CONFIG_DEFAULTS_KEY "tables.defaults"
#define CONFIG_RULES_KEY    "tables.rules"

/* A value with whatever it holds. */
struct config_node {
    enum { CONFIG_NODE_SCALAR, CONFIG_NODE_LIST, CONFIG_NODE_MAP } kind;
    int line;                  /* 1 is the first; 0 in an argument */
    const char *key;           /* of a map's member; "" elsewhere */
    bool is_null;              /* of a scalar: nothing, ~ or null was written */
    const char *text;          /* of a scalar, as written */
    struct config_node *first; /* what a list or map holds, in the order of the text */
    struct config_node *next;  /* behind this one */
};

struct config_entry {
    const char *key; /* "kafka.topics", whether written nested or dotted */
    int line;        /* 1 is the first */
    bool is_map;     /* only a step on the way to other keys; no items */
    bool is_list;
    bool is_null;   /* nothing, ~ or null was written */
    bool is_nested; /* a list with maps, lists or nulls in it; these are not among the items */
    const char **items;
    size_t n_items;
    struct config_node *tree;  /* the value of tables.rules, tables.defaults, and tables.defaults.x; else NULL */
    struct config_entry *next; /* in the order of the text */
};

/* The entries of a file; `file` names it in errors ("file:line: ..."). `*out` is NULL for an empty text. */
SLUICE_MUST_CHECK enum sluice_code config_document_parse(struct sluice_str text, const char *file,
                                                         struct sluice_arena *arena, struct config_entry **out,
                                                         struct sluice_error *err);
/* "key=value" of an argument; the value is a scalar or a flow list, and nothing at all is the empty text. */
SLUICE_MUST_CHECK enum sluice_code config_document_argument(const char *argument, struct sluice_arena *arena,
                                                            struct config_entry **out, struct sluice_error *err);

#endif
