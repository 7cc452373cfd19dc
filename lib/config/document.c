/* document.c - see document.h. Works on libyaml's events; recursion is bounded by CONFIG_MAX_DEPTH. */
#include "config/document_reader.h"

#include <stdio.h>

enum sluice_code document_fail(struct document_reader *reader, int line, const char *key, const char *what)
{
    char at[16] = "";
    if (reader->lines)
        (void)snprintf(at, sizeof at, ":%d", line);
    return sluice_error_set(reader->err, SLUICE_E_CONFIG, SLUICE_STOP, "%s%s: %.200s%s%s", reader->place, at, key,
                            key[0] != '\0' ? ": " : "", what);
}

static enum sluice_code fail_syntax(struct document_reader *reader)
{
    char what[200];
    if (reader->parser.error == YAML_MEMORY_ERROR)
        return sluice_error_nomem(reader->err, "the YAML parser", 0);
    (void)snprintf(what, sizeof what, "not valid YAML: %s",
                   reader->parser.problem != NULL ? reader->parser.problem : "unknown reason");
    return document_fail(reader, (int)reader->parser.problem_mark.line + 1, "", what);
}

enum sluice_code document_next(struct document_reader *reader, yaml_event_t *event)
{
    if (!yaml_parser_parse(&reader->parser, event))
        return fail_syntax(reader);
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return document_fail(reader, document_line(event), "", "aliases are not supported; write the value out");
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor != NULL || tag != NULL)
        return document_fail(reader, document_line(event), "",
                             "anchors and tags are not supported; put the value in quotes");
    return SLUICE_OK;
}

enum sluice_code document_text(struct document_reader *reader, const yaml_event_t *event, const char *key,
                               const char **out)
{
    struct sluice_str value = {(const char *)event->data.scalar.value, event->data.scalar.length};
    if (value.len > 0 && memchr(value.ptr, '\0', value.len) != NULL)
        return document_fail(reader, document_line(event), key, "the value holds a NUL byte; take it out");
    char *copy = sluice_arena_copy(reader->arena, value, reader->err);
    if (copy == NULL)
        return reader->err->code;
    *out = copy;
    return SLUICE_OK;
}

bool document_is_null(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static enum sluice_code add_entry(struct document_reader *reader, const char *key, int line, struct config_entry **out)
{
    char what[80];
    for (const struct config_entry *entry = reader->first; entry != NULL; entry = entry->next) {
        if (strcmp(entry->key, key) == 0) {
            (void)snprintf(what, sizeof what, "is already given in line %d; keep one of them", entry->line);
            return document_fail(reader, line, key, what);
        }
    }
    if (reader->n_entries == CONFIG_MAX_ENTRIES)
        return document_fail(reader, line, key, "the file has too many keys; 2000 are allowed");
    struct config_entry *entry = sluice_arena_alloc(reader->arena, sizeof *entry, reader->err);
    if (entry == NULL)
        return reader->err->code;
    entry->key = key;
    entry->line = line;
    *reader->last = entry;
    reader->last = &entry->next;
    reader->n_entries++;
    *out = entry;
    return SLUICE_OK;
}

static enum sluice_code read_scalar(struct document_reader *reader, const yaml_event_t *event,
                                    struct config_entry *entry)
{
    entry->is_null = document_is_null(event);
    entry->items = sluice_arena_alloc_array(reader->arena, 1, sizeof *entry->items, reader->err);
    if (entry->items == NULL)
        return reader->err->code;
    entry->n_items = 1;
    return document_text(reader, event, entry->key, &entry->items[0]);
}

struct item {
    const char *text;
    struct item *next;
};

/* Reads on to the end of what `first` opened. */
static enum sluice_code skip_node(struct document_reader *reader, yaml_event_type_t first)
{
    size_t open = first == YAML_SEQUENCE_START_EVENT || first == YAML_MAPPING_START_EVENT ? 1 : 0;
    while (open > 0) {
        SLUICE_AUTO(yaml_event) yaml_event_t event = {0};
        enum sluice_code code = document_next(reader, &event);
        if (code != SLUICE_OK)
            return code;
        open += event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
        open -= event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
    }
    return SLUICE_OK;
}

static enum sluice_code collect_item(struct document_reader *reader, const yaml_event_t *event,
                                     struct config_entry *entry, struct item ***last)
{
    if (event->type != YAML_SCALAR_EVENT || document_is_null(event)) {
        entry->is_nested = true;
        return skip_node(reader, event->type);
    }
    if (reader->n_items++ == CONFIG_MAX_ITEMS)
        return document_fail(reader, document_line(event), entry->key,
                             "the file has too many list entries; 10000 are allowed");
    struct item *item = sluice_arena_alloc(reader->arena, sizeof *item, reader->err);
    if (item == NULL)
        return reader->err->code;
    **last = item;
    *last = &item->next;
    return document_text(reader, event, entry->key, &item->text);
}

static enum sluice_code collect_items(struct document_reader *reader, struct config_entry *entry, struct item **first)
{
    struct item **last = first;
    for (;;) {
        SLUICE_AUTO(yaml_event) yaml_event_t event = {0};
        enum sluice_code code = document_next(reader, &event);
        if (code != SLUICE_OK || event.type == YAML_SEQUENCE_END_EVENT)
            return code;
        code = collect_item(reader, &event, entry, &last);
        if (code != SLUICE_OK)
            return code;
    }
}

static enum sluice_code read_list(struct document_reader *reader, struct config_entry *entry)
{
    struct item *first = NULL;
    size_t n = 0;
    entry->is_list = true;
    enum sluice_code code = collect_items(reader, entry, &first);
    for (const struct item *item = first; item != NULL; item = item->next)
        n++;
    if (code != SLUICE_OK || n == 0)
        return code;
    entry->items = sluice_arena_alloc_array(reader->arena, n, sizeof *entry->items, reader->err);
    if (entry->items == NULL)
        return reader->err->code;
    for (const struct item *item = first; item != NULL; item = item->next)
        entry->items[entry->n_items++] = item->text;
    return SLUICE_OK;
}

static bool is_tree(const char *key)
{
    return strcmp(key, CONFIG_RULES_KEY) == 0 || strcmp(key, CONFIG_DEFAULTS_KEY) == 0 ||
           strncmp(key, CONFIG_DEFAULTS_KEY ".", sizeof CONFIG_DEFAULTS_KEY) == 0;
}

static enum sluice_code read_map(struct document_reader *reader, const char *prefix, int depth);

/* The value behind `key`, whose event is the next one. */
static enum sluice_code read_value(struct document_reader *reader, const char *key, int line, int depth)
{
    SLUICE_AUTO(yaml_event) yaml_event_t event = {0};
    struct config_entry *entry = NULL;
    enum sluice_code code = document_next(reader, &event);
    if (code == SLUICE_OK)
        code = add_entry(reader, key, line, &entry);
    if (code != SLUICE_OK)
        return code;
    if (is_tree(key))
        return document_read_node(reader, &event, key, &entry->tree);
    if (event.type == YAML_SCALAR_EVENT)
        return read_scalar(reader, &event, entry);
    if (event.type == YAML_SEQUENCE_START_EVENT)
        return read_list(reader, entry);
    entry->is_map = true;
    return read_map(reader, key, depth + 1);
}

static enum sluice_code join_key(struct document_reader *reader, const char *prefix, const yaml_event_t *event,
                                 const char **out)
{
    char joined[CONFIG_MAX_KEY + 1];
    const char *word = NULL;
    enum sluice_code code = document_text(reader, event, prefix, &word);
    if (code != SLUICE_OK)
        return code;
    if (word[0] == '\0')
        return document_fail(reader, document_line(event), prefix, "a key is empty; give it a name");
    int n = snprintf(joined, sizeof joined, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", word);
    if (n < 0 || (size_t)n >= sizeof joined)
        return document_fail(reader, document_line(event), prefix, "a key is longer than 200 bytes; shorten it");
    *out = sluice_arena_copy(reader->arena, sluice_str_from(joined), reader->err);
    return *out != NULL ? SLUICE_OK : reader->err->code;
}

static enum sluice_code read_map(struct document_reader *reader, const char *prefix, int depth)
{
    for (;;) {
        SLUICE_AUTO(yaml_event) yaml_event_t event = {0};
        const char *key = NULL;
        enum sluice_code code = document_next(reader, &event);
        if (code != SLUICE_OK)
            return code;
        if (event.type == YAML_MAPPING_END_EVENT)
            return SLUICE_OK;
        if (depth > CONFIG_MAX_DEPTH)
            return document_fail(reader, document_line(&event), prefix, "is nested too deeply; 8 levels are allowed");
        if (event.type != YAML_SCALAR_EVENT)
            return document_fail(reader, document_line(&event), prefix, "a key must be a plain name");
        code = join_key(reader, prefix, &event, &key);
        if (code == SLUICE_OK)
            code = read_value(reader, key, document_line(&event), depth);
        if (code != SLUICE_OK)
            return code;
    }
}

/* Reads the event and requires its type. */
static enum sluice_code expect(struct document_reader *reader, yaml_event_type_t type, const char *what)
{
    SLUICE_AUTO(yaml_event) yaml_event_t event = {0};
    enum sluice_code code = document_next(reader, &event);
    if (code == SLUICE_OK && event.type != type)
        return document_fail(reader, document_line(&event), "", what);
    return code;
}

static enum sluice_code read_file_root(struct document_reader *reader)
{
    SLUICE_AUTO(yaml_event) yaml_event_t event = {0};
    enum sluice_code code = expect(reader, YAML_STREAM_START_EVENT, "not a YAML stream");
    if (code == SLUICE_OK)
        code = document_next(reader, &event);
    if (code != SLUICE_OK || event.type == YAML_STREAM_END_EVENT)
        return code;
    code = expect(reader, YAML_MAPPING_START_EVENT, "the file must hold options as key: value");
    if (code == SLUICE_OK)
        code = read_map(reader, "", 1);
    if (code == SLUICE_OK)
        code = expect(reader, YAML_DOCUMENT_END_EVENT, "unexpected text behind the options");
    if (code == SLUICE_OK)
        code = expect(reader, YAML_STREAM_END_EVENT, "a second document; one is allowed in a file");
    return code;
}

/* The empty text has no document; it stands for "". */
static enum sluice_code read_argument_root(struct document_reader *reader, const char *key)
{
    static const char *no_text[] = {""};
    SLUICE_AUTO(yaml_event) yaml_event_t event = {0};
    struct config_entry *entry = NULL;
    enum sluice_code code = expect(reader, YAML_STREAM_START_EVENT, "not a YAML value");
    if (code == SLUICE_OK)
        code = document_next(reader, &event);
    if (code != SLUICE_OK)
        return code;
    if (event.type == YAML_STREAM_END_EVENT) {
        code = add_entry(reader, key, 0, &entry);
        if (code == SLUICE_OK) {
            entry->items = no_text;
            entry->n_items = 1;
        }
        return code;
    }
    code = read_value(reader, key, 0, 1);
    if (code == SLUICE_OK && reader->first->is_map)
        code = document_fail(reader, 0, "", "takes a value or a list, not a map; set each key by its own --set");
    if (code == SLUICE_OK)
        code = expect(reader, YAML_DOCUMENT_END_EVENT, "unexpected text behind the value; put it in quotes");
    return code;
}

static enum sluice_code start(struct document_reader *reader, struct sluice_str text)
{
    if (!yaml_parser_initialize(&reader->parser))
        return sluice_error_nomem(reader->err, "the YAML parser", sizeof reader->parser);
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)text.ptr, text.len);
    reader->last = &reader->first;
    return SLUICE_OK;
}

enum sluice_code config_document_parse(struct sluice_str text, const char *file, struct sluice_arena *arena,
                                       struct config_entry **out, struct sluice_error *err)
{
    struct document_reader reader = {.arena = arena, .place = file, .lines = true, .err = err};
    enum sluice_code code = start(&reader, text);
    if (code != SLUICE_OK)
        return code;
    code = read_file_root(&reader);
    yaml_parser_delete(&reader.parser);
    if (code == SLUICE_OK)
        *out = reader.first;
    return code;
}

enum sluice_code config_document_argument(const char *argument, struct sluice_arena *arena, struct config_entry **out,
                                          struct sluice_error *err)
{
    char place[CONFIG_MAX_KEY + 16];
    const char *equals = strchr(argument, '=');
    if (equals == NULL || equals == argument || equals - argument > CONFIG_MAX_KEY)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "--set: \"%.40s\" is not key=value; write it so",
                                argument);
    char *key = sluice_arena_copy(arena, (struct sluice_str){argument, (size_t)(equals - argument)}, err);
    if (key == NULL)
        return err->code;
    (void)snprintf(place, sizeof place, "--set: %s", key);
    struct document_reader reader = {.arena = arena, .place = place, .err = err};
    enum sluice_code code = start(&reader, sluice_str_from(equals + 1));
    if (code != SLUICE_OK)
        return code;
    code = read_argument_root(&reader, key);
    yaml_parser_delete(&reader.parser);
    if (code == SLUICE_OK)
        *out = reader.first;
    return code;
}
