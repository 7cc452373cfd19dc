/* lex.c - see lex.h. Depth needs no limit: parentheses are counted, not recursed into. */
#include "table/lex.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_part(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9');
}

static bool is_quote(char c)
{
    return c == '\'' || c == '`' || c == '"';
}

static struct sluice_str trimmed(const char *from, const char *to)
{
    while (from < to && is_space(*from))
        from++;
    while (to > from && is_space(to[-1]))
        to--;
    return (struct sluice_str){from, (size_t)(to - from)};
}

size_t lex_quoted_length(struct sluice_str text)
{
    size_t at = 1;
    while (at < text.len) {
        if (text.ptr[at] == text.ptr[0] && at + 1 < text.len && text.ptr[at + 1] == text.ptr[0])
            at += 2;
        else if (text.ptr[at] == text.ptr[0])
            return at + 1;
        else
            at += text.ptr[at] == '\\' ? 2 : 1;
    }
    return 0;
}

/* The first ',' outside quotes and parentheses, or a ')' that closes more than was opened, or the end. NULL if quotes
 * or parentheses do not match. */
static const char *item_end(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        if (is_quote(*at)) {
            size_t length = lex_quoted_length((struct sluice_str){at, (size_t)(end - at)});
            if (length == 0)
                return NULL;
            at += length;
            continue;
        }
        if (depth == 0 && (*at == ',' || *at == ')'))
            return at;
        if (*at == '(')
            depth++;
        else if (*at == ')')
            depth--;
        at++;
    }
    return depth == 0 ? at : NULL;
}

bool lex_next(struct sluice_str *rest, struct sluice_str *item, bool *ok)
{
    if (rest->len == 0)
        return false;
    const char *end = rest->ptr + rest->len;
    const char *stop = item_end(rest->ptr, end);
    if (stop == NULL || (stop < end && *stop == ')')) {
        *ok = false;
        return false;
    }
    *item = trimmed(rest->ptr, stop);
    /* An empty item ("a,,b", "a,") is no list of ours. */
    if (item->len == 0 || (stop < end && stop + 1 == end)) {
        *ok = false;
        return false;
    }
    const char *next = stop < end ? stop + 1 : end;
    *rest = (struct sluice_str){next, (size_t)(end - next)};
    return true;
}

bool lex_call(struct sluice_str text, struct lex_call *out)
{
    text = trimmed(text.ptr, text.ptr + text.len);
    const char *end = text.ptr + text.len;
    const char *at = text.ptr;
    if (at == end || !is_name_start(*at))
        return false;
    while (at < end && is_name_part(*at))
        at++;
    *out = (struct lex_call){.name = {text.ptr, (size_t)(at - text.ptr)}};
    if (at < end && *at == '(') {
        const char *start = ++at;
        /* Commas do not end the argument text: go from item to item up to the closing parenthesis. */
        while ((at = item_end(at, end)) != NULL && at < end && *at == ',')
            at++;
        if (at == NULL || at == end)
            return false;
        out->has_arguments = true;
        out->arguments = trimmed(start, at);
        at++;
    }
    out->rest = trimmed(at, end);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Reads one escape behind a backslash at text.ptr[at]; returns how many bytes it took. */
static size_t unescape_one(struct sluice_str text, size_t at, char *out)
{
    static const char from[] = "ntrbf0av";
    static const char to[] = "\n\t\r\b\f\0\a\v";
    char c = text.ptr[at];
    if (c == 'x' && at + 2 < text.len && hex_digit(text.ptr[at + 1]) >= 0 && hex_digit(text.ptr[at + 2]) >= 0) {
        *out = (char)(hex_digit(text.ptr[at + 1]) * 16 + hex_digit(text.ptr[at + 2]));
        return 3;
    }
    const char *found = c != '\0' ? strchr(from, c) : NULL;
    *out = found != NULL ? to[found - from] : c;
    return 1;
}

enum sluice_code lex_unquote(struct sluice_arena *arena, struct sluice_str text, char quote, struct sluice_str *out,
                             bool *is_word, struct sluice_error *err)
{
    *is_word = text.len >= 2 && text.ptr[0] == quote && lex_quoted_length(text) == text.len;
    if (!*is_word)
        return SLUICE_OK;
    char *copy = sluice_arena_alloc(arena, text.len, err);
    if (copy == NULL)
        return err->code;
    size_t n = 0;
    for (size_t at = 1; at < text.len - 1;) {
        if (text.ptr[at] == '\\') {
            at += 1 + unescape_one(text, at + 1, &copy[n]);
        } else {
            copy[n] = text.ptr[at];
            at += text.ptr[at] == quote ? 2 : 1; /* doubled quote */
        }
        n++;
    }
    copy[n] = '\0';
    *out = (struct sluice_str){copy, n};
    return SLUICE_OK;
}

enum sluice_code lex_identifier(struct sluice_arena *arena, struct sluice_str text, struct sluice_str *out,
                                bool *is_identifier, struct sluice_error *err)
{
    if (text.len > 0 && text.ptr[0] == '`')
        return lex_unquote(arena, text, '`', out, is_identifier, err);
    *is_identifier = text.len > 0 && is_name_start(text.ptr[0]);
    for (size_t i = 1; i < text.len && *is_identifier; i++)
        *is_identifier = is_name_part(text.ptr[i]);
    if (!*is_identifier)
        return SLUICE_OK;
    char *copy = sluice_arena_copy(arena, text, err);
    if (copy == NULL)
        return err->code;
    *out = (struct sluice_str){copy, text.len};
    return SLUICE_OK;
}

bool lex_unsigned(struct sluice_str text, unsigned long max, unsigned long *out)
{
    unsigned long value = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        unsigned long digit = (unsigned long)(text.ptr[i] - '0');
        if (digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}
