/* expand.c - see expand.h. */
#include "config/expand.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

static void file_close(FILE *file)
{
    if (file != NULL)
        (void)fclose(file); /* opened for reading: nothing can be lost */
}
SLUICE_DEFINE_AUTO_PTR(file, FILE, file_close)

static enum sluice_code fail_file(struct sluice_error *err, const char *path, int error)
{
    (void)sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "file \"%.200s\" can't be read: %s", path,
                           strerror(error));
    err->detail = error;
    return err->code;
}

enum sluice_code config_read_file(const char *path, struct sluice_buf *buf, struct sluice_error *err)
{
    char chunk[4096];
    SLUICE_AUTO(file) FILE *file = fopen(path, "re");
    if (file == NULL)
        return fail_file(err, path, errno);
    for (;;) {
        errno = 0;
        size_t n = fread(chunk, 1, sizeof chunk, file);
        if (n == 0)
            return ferror(file) ? fail_file(err, path, errno) : SLUICE_OK;
        if (buf->len + n > buf->max)
            return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                    "file \"%.200s\" is larger than %zu bytes; make it smaller", path, buf->max);
        enum sluice_code code = sluice_buf_append(buf, chunk, n, err);
        if (code != SLUICE_OK)
            return code;
    }
}

static enum sluice_code expand_file(const char *path, struct sluice_buf *out, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf content = {0};
    sluice_buf_init(&content, CONFIG_MAX_VALUE, "a file in a value");
    if (path[0] != '/')
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "\"${file:%.100s}\" is not an absolute path; begin it with /", path);
    enum sluice_code code = config_read_file(path, &content, err);
    if (code != SLUICE_OK)
        return code;
    if (content.len > 0 && memchr(content.ptr, '\0', content.len) != NULL)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "file \"%.200s\" holds a NUL byte; it must be text",
                                path);
    if (content.len > 0 && content.ptr[content.len - 1] == '\n')
        content.len -= content.len > 1 && content.ptr[content.len - 2] == '\r' ? 2 : 1;
    return sluice_buf_append_str(out, sluice_buf_str(&content), err);
}

static bool is_variable_name(const char *name)
{
    if (isdigit((unsigned char)name[0]) || name[0] == '\0')
        return false;
    for (; *name != '\0'; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

static enum sluice_code expand_one(struct sluice_str inside, struct sluice_buf *out, struct sluice_error *err)
{
    char name[1024];
    if (inside.len >= sizeof name)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "a ${...} is too long; shorten the path");
    memcpy(name, inside.ptr, inside.len);
    name[inside.len] = '\0';
    if (strncmp(name, "file:", 5) == 0)
        return expand_file(name + 5, out, err);
    if (!is_variable_name(name))
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "\"${%.100s}\" is neither a variable nor file:/path; write $$ for a dollar sign", name);
    const char *value = getenv(name);
    if (value == NULL)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "environment variable \"%.100s\" is not set; set it",
                                name);
    return sluice_buf_append_z(out, value, err);
}

/* What begins at `*at` with a dollar sign; moves `*at` behind it. */
static enum sluice_code expand_dollar(const char **at, struct sluice_buf *out, struct sluice_error *err)
{
    const char *next = *at + 1;
    if (*next != '{') {
        *at = next + (*next == '$');
        return sluice_buf_append_char(out, '$', err);
    }
    const char *end = strchr(next, '}');
    if (end == NULL)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "a ${ has no closing }; add it, or write $$ for a dollar sign");
    *at = end + 1;
    return expand_one((struct sluice_str){next + 1, (size_t)(end - next - 1)}, out, err);
}

enum sluice_code config_expand(const char *text, struct sluice_arena *arena, const char **out, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf value = {0};
    sluice_buf_init(&value, CONFIG_MAX_VALUE, "a value");
    if (strchr(text, '$') == NULL) {
        *out = text;
        return SLUICE_OK;
    }
    while (*text != '\0') {
        size_t plain = strcspn(text, "$");
        enum sluice_code code = sluice_buf_append(&value, text, plain, err);
        text += plain;
        if (code == SLUICE_OK && *text == '$')
            code = expand_dollar(&text, &value, err);
        if (code != SLUICE_OK)
            return code;
    }
    *out = sluice_arena_copy(arena, sluice_buf_str(&value), err);
    return *out != NULL ? SLUICE_OK : err->code;
}
