/* sql.c - tokens as in ClickHouse's Parsers/Lexer.cpp, INSERT as in Parsers/ParserInsertQuery.cpp (26.7). */
#include "sql.h"

#include <string.h>
#include <strings.h>

enum token_kind { TOKEN_END, TOKEN_OPEN, TOKEN_WORD, TOKEN_QUOTED, TOKEN_TEXT, TOKEN_OTHER };
/* TOKEN_OPEN: a quote or comment that the text does not close; TOKEN_QUOTED: a quoted name */

struct token {
    enum token_kind kind;
    const char *begin;
    const char *end;
};

struct lexer {
    const char *at;
    const char *end;
};

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Nested as in ClickHouse. NULL when the text ends inside. */
static const char *skip_block_comment(const char *at, const char *end)
{
    int depth = 0;
    while (end - at >= 2) {
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at += 2;
        } else if (at[0] == '*' && at[1] == '/') {
            depth--;
            at += 2;
            if (depth == 0)
                return at;
        } else {
            at++;
        }
    }
    return NULL;
}

static bool starts_line_comment(const char *at, const char *end)
{
    if (end - at < 2)
        return false;
    return (at[0] == '-' && at[1] == '-') || (at[0] == '#' && (at[1] == ' ' || at[1] == '!'));
}

/* Behind white space and comments; NULL when a comment is open. */
static const char *skip_blank(const char *at, const char *end)
{
    while (at < end) {
        if (is_space(*at)) {
            at++;
        } else if (starts_line_comment(at, end)) {
            const char *line_end = memchr(at, '\n', (size_t)(end - at));
            at = line_end == NULL ? end : line_end + 1;
        } else if (end - at >= 2 && at[0] == '/' && at[1] == '*') {
            at = skip_block_comment(at, end);
            if (at == NULL)
                return NULL;
        } else {
            break;
        }
    }
    return at;
}

/* From the opening quote to behind the closing one: backslash escapes, and a doubled quote stands for one. */
static const char *skip_quoted(const char *at, const char *end)
{
    char quote = *at++;
    while (at < end) {
        if (*at == '\\') {
            at += 2;
        } else if (*at != quote) {
            at++;
        } else if (at + 1 < end && at[1] == quote) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    return NULL;
}

/* $tag$ ... $tag$. Sets *open when a tag is not complete or the closing one is missing; returns `at` when this is no
 * heredoc at all. */
static const char *skip_heredoc(const char *at, const char *end, bool *open)
{
    const char *tag_end = at + 1;
    while (tag_end < end && is_word_char(*tag_end))
        tag_end++;
    *open = tag_end == end;
    if (*open || *tag_end != '$')
        return at;
    size_t tag_len = (size_t)(tag_end + 1 - at);
    for (const char *p = tag_end + 1; p + tag_len <= end; p++)
        if (memcmp(p, at, tag_len) == 0)
            return p + tag_len;
    *open = true;
    return at;
}

static struct token next_token(struct lexer *lexer)
{
    const char *at = skip_blank(lexer->at, lexer->end);
    if (at == NULL) {
        lexer->at = lexer->end;
        return (struct token){.kind = TOKEN_OPEN, .begin = lexer->end, .end = lexer->end};
    }
    struct token token = {.kind = TOKEN_OTHER, .begin = at, .end = at + 1};
    if (at == lexer->end) {
        token.kind = TOKEN_END;
        token.end = at;
    } else if (*at == '\'' || *at == '"' || *at == '`') {
        token.kind = *at == '\'' ? TOKEN_TEXT : TOKEN_QUOTED;
        token.end = skip_quoted(at, lexer->end);
    } else if (*at == '$') {
        bool open = false;
        const char *behind = skip_heredoc(at, lexer->end, &open);
        if (behind != at)
            token = (struct token){.kind = TOKEN_TEXT, .begin = at, .end = behind};
        else if (open)
            token.end = NULL;
    } else if (is_word_char(*at)) {
        token.kind = TOKEN_WORD;
        while (token.end < lexer->end && is_word_char(*token.end))
            token.end++;
    }
    if (token.end == NULL)
        token = (struct token){.kind = TOKEN_OPEN, .begin = at, .end = lexer->end};
    lexer->at = token.end;
    return token;
}

static bool is_word(const struct token *token, const char *word_z)
{
    size_t len = strlen(word_z);
    return token->kind == TOKEN_WORD && (size_t)(token->end - token->begin) == len &&
           strncasecmp(token->begin, word_z, len) == 0;
}

static bool is_char(const struct token *token, char c)
{
    return token->kind == TOKEN_OTHER && *token->begin == c;
}

/* A token that touches the end of an unfinished text may go on in the bytes to come. */
static bool is_cut(const struct token *token, const struct lexer *lexer, bool whole)
{
    return token->kind == TOKEN_END || token->kind == TOKEN_OPEN || (!whole && token->end == lexer->end);
}

/* Behind INTO: [TABLE] [FUNCTION] and the name, which may look like a keyword (a table called "format"). */
static struct token skip_target(struct lexer *lexer, bool whole)
{
    struct token token = next_token(lexer);
    if (is_word(&token, "TABLE"))
        token = next_token(lexer);
    if (is_word(&token, "FUNCTION"))
        token = next_token(lexer);
    for (;;) {
        if (is_cut(&token, lexer, whole))
            return token;
        if (is_char(&token, '{')) /* {name:Identifier} */
            while (!is_cut(&token, lexer, whole) && !is_char(&token, '}'))
                token = next_token(lexer);
        token = next_token(lexer);
        if (!is_char(&token, '.'))
            return token;
        token = next_token(lexer);
    }
}

/* ClickHouse skips blanks in the line and one line end, then everything is data. */
static bool find_data(const struct lexer *lexer, bool whole, const char **data)
{
    const char *at = lexer->at;
    while (at < lexer->end && (*at == ' ' || *at == '\t' || *at == '\f'))
        at++;
    if (at < lexer->end && *at == '\r')
        at++;
    if (at == lexer->end && !whole)
        return false;
    if (at < lexer->end && *at == '\n')
        at++;
    *data = at;
    return true;
}

static bool find_word_call(struct lexer lexer, const char *word_z)
{
    struct token previous = next_token(&lexer);
    while (previous.kind != TOKEN_END && previous.kind != TOKEN_OPEN) {
        struct token token = next_token(&lexer);
        if (is_char(&token, '(') && is_word(&previous, word_z))
            return true;
        previous = token;
    }
    return false;
}

/* Behind the word INSERT. */
static struct sql_shape inspect_insert(const char *text, struct lexer lexer, bool whole)
{
    struct sql_shape shape = {.kind = whole ? SQL_OTHER : SQL_NEED_MORE};
    struct token token = next_token(&lexer);
    struct lexer before_into = lexer;
    if (is_cut(&token, &lexer, whole))
        return shape;
    if (!is_word(&token, "INTO")) { /* INTO may be left out */
        before_into.at = token.begin;
        lexer = before_into;
    }
    token = skip_target(&lexer, whole);
    const char *sql_end = token.begin;
    int depth = 0;
    for (; !is_cut(&token, &lexer, whole); sql_end = token.end, token = next_token(&lexer)) {
        if (is_char(&token, '('))
            depth++;
        else if (is_char(&token, ')'))
            depth--;
        if (depth != 0 || token.kind != TOKEN_WORD)
            continue;
        if (is_word(&token, "VALUES")) {
            shape.kind = SQL_INSERT_VALUES;
            return shape;
        }
        if (is_word(&token, "SELECT") || is_word(&token, "WITH")) {
            shape.kind = SQL_INSERT_SELECT;
            shape.reads_input = whole && find_word_call(lexer, "input");
            return shape;
        }
        if (!is_word(&token, "FORMAT"))
            continue;
        struct token name = next_token(&lexer);
        const char *data = NULL;
        if (name.kind != TOKEN_WORD || is_cut(&name, &lexer, whole) || !find_data(&lexer, whole, &data))
            return shape;
        shape = (struct sql_shape){.kind = SQL_INSERT_FORMAT,
                                   .sql_len = (size_t)(sql_end - text),
                                   .format = name.begin,
                                   .format_len = (size_t)(name.end - name.begin),
                                   .data_at = (size_t)(data - text)};
        return shape;
    }
    return shape;
}

struct sql_shape sql_inspect(const char *text, size_t len, bool whole)
{
    if (len == 0)
        text = ""; /* NULL means an open comment further down */
    struct lexer lexer = {.at = text, .end = text + len};
    struct sql_shape shape = {.kind = SQL_OTHER};
    struct token token = next_token(&lexer);
    if (whole && token.kind == TOKEN_END) {
        shape.kind = SQL_EMPTY;
    } else if (!whole && is_cut(&token, &lexer, whole)) {
        shape.kind = SQL_NEED_MORE;
    } else if (is_word(&token, "INSERT")) {
        shape = inspect_insert(text, lexer, whole);
    } else if (is_word(&token, "SET") || is_word(&token, "USE")) {
        shape.kind = SQL_SESSION;
    } else if (is_word(&token, "CREATE")) {
        token = next_token(&lexer);
        if (is_word(&token, "OR")) {
            (void)next_token(&lexer); /* REPLACE */
            token = next_token(&lexer);
        }
        if (!whole && is_cut(&token, &lexer, whole))
            shape.kind = SQL_NEED_MORE;
        else if (is_word(&token, "TEMPORARY"))
            shape.kind = SQL_SESSION;
    }
    return shape;
}

/* The FORMAT clause stands at the end; only SETTINGS may follow it. */
static bool ends_clause(const struct token *token)
{
    return token->kind == TOKEN_END || is_char(token, ';') || is_word(token, "SETTINGS");
}

struct sql_shape sql_inspect_whole(const char *text, size_t len)
{
    struct sql_shape shape = sql_inspect(text, len, true);
    if (shape.kind == SQL_EMPTY)
        return shape;
    struct lexer lexer = {.at = text, .end = text + len};
    struct token token = next_token(&lexer);
    struct token word = {.kind = TOKEN_OTHER, .begin = ";", .end = NULL};
    bool ended = false;
    while (token.kind != TOKEN_END && token.kind != TOKEN_OPEN) {
        shape.several_statements = shape.several_statements || (ended && !is_char(&token, ';'));
        ended = ended || is_char(&token, ';');
        struct token next = next_token(&lexer);
        if (is_word(&word, "FORMAT") && token.kind == TOKEN_WORD && ends_clause(&next)) {
            shape.format = token.begin;
            shape.format_len = (size_t)(token.end - token.begin);
        }
        word = token;
        token = next;
    }
    return shape;
}

bool sql_is_insert(enum sql_kind kind)
{
    return kind == SQL_INSERT_FORMAT || kind == SQL_INSERT_VALUES || kind == SQL_INSERT_SELECT;
}
