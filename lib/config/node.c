/* node.c - reads a value as a tree; see document_reader.h. Recursion is bounded by CONFIG_MAX_DEPTH. */
#include "config/document_reader.h"

#include <stdio.h>

static enum sluice_code read_node(struct document_reader *reader, const yaml_event_t *event, const char *key, int depth,
                                  struct config_node **out);

static enum sluice_code node_new(struct document_reader *reader, const yaml_event_t *event, const char *key,
                                 struct config_node **out)
{
    if (reader->n_items++ == CONFIG_MAX_ITEMS)
        return document_fail(reader, document_line(event), key, "the file has too many entries; 10000 are allowed");
    struct config_node *node = sluice_arena_alloc(reader->arena, sizeof *node, reader->err);
    if (node == NULL)
        return reader->err->code;
    node->line = reader->lines ? document_line(event) : 0;
    node->key = "";
    *out = node;
    return SLUICE_OK;
}

/* The name of a map's member. */
static enum sluice_code read_name(struct document_reader *reader, const yaml_event_t *event, const char *key,
                                  const struct config_node *map, const char **out)
{
    if (event->type != YAML_SCALAR_EVENT)
        return document_fail(reader, document_line(event), key, "a key must be a plain name");
    enum sluice_code code = document_text(reader, event, key, out);
    if (code != SLUICE_OK)
        return code;
    if (**out == '\0')
        return document_fail(reader, document_line(event), key, "a key is empty; give it a name");
    for (const struct config_node *other = map->first; other != NULL; other = other->next) {
        char what[CONFIG_MAX_KEY + 80];
        if (strcmp(other->key, *out) != 0)
            continue;
        (void)snprintf(what, sizeof what, "\"%.80s\" is given twice; keep one of them", *out);
        return document_fail(reader, document_line(event), key, what);
    }
    return SLUICE_OK;
}

static enum sluice_code read_children(struct document_reader *reader, const char *key, int depth,
                                      struct config_node *parent)
{
    struct config_node **last = &parent->first;
    for (;;) {
        SLUICE_AUTO(yaml_event) yaml_event_t event = {0};
        SLUICE_AUTO(yaml_event) yaml_event_t value = {0};
        const char *name = "";
        enum sluice_code code = document_next(reader, &event);
        if (code != SLUICE_OK || event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT)
            return code;
        if (depth > CONFIG_MAX_DEPTH)
            return document_fail(reader, document_line(&event), key, "is nested too deeply; 8 levels are allowed");
        if (parent->kind == CONFIG_NODE_MAP) {
            code = read_name(reader, &event, key, parent, &name);
            if (code == SLUICE_OK)
                code = document_next(reader, &value);
        }
        if (code == SLUICE_OK)
            code = read_node(reader, parent->kind == CONFIG_NODE_MAP ? &value : &event, key, depth, last);
        if (code != SLUICE_OK)
            return code;
        (*last)->key = name;
        if (parent->kind == CONFIG_NODE_MAP && reader->lines)
            (*last)->line = document_line(&event);
        last = &(*last)->next;
    }
}

static enum sluice_code read_node(struct document_reader *reader, const yaml_event_t *event, const char *key, int depth,
                                  struct config_node **out)
{
    enum sluice_code code = node_new(reader, event, key, out);
    if (code != SLUICE_OK)
        return code;
    struct config_node *node = *out;
    if (event->type == YAML_SCALAR_EVENT) {
        node->is_null = document_is_null(event);
        return document_text(reader, event, key, &node->text);
    }
    node->kind = event->type == YAML_SEQUENCE_START_EVENT ? CONFIG_NODE_LIST : CONFIG_NODE_MAP;
    return read_children(reader, key, depth + 1, node);
}

enum sluice_code document_read_node(struct document_reader *reader, const yaml_event_t *event, const char *key,
                                    struct config_node **out)
{
    return read_node(reader, event, key, 1, out);
}
