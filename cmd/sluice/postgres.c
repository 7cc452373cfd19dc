/* postgres.c - how a command is told of the source's database; see command.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

/* The first line of the file. False: the complaint was printed. */
static bool read_first_line(const struct command *command, const char *path, char text[MAX_POSTGRES])
{
    FILE *file = fopen(path, "r");
    const char *line = file != NULL ? fgets(text, MAX_POSTGRES, file) : NULL;
    if (line == NULL)
        (void)fprintf(stderr, "sluice %s: --postgres-file \"%s\": %s\n", command->name, path,
                      file == NULL ? strerror(errno) : "there is nothing in it");
    if (file != NULL)
        (void)fclose(file); /* it was only read */
    text[strcspn(text, "\r\n")] = '\0';
    return line != NULL;
}

bool read_postgres(const struct command *command, const char *given, const char *path, char text[MAX_POSTGRES])
{
    const char *from = given != NULL ? given : getenv("SLUICE_POSTGRES");
    text[0] = '\0';
    if (given != NULL && path != NULL) {
        (void)fprintf(stderr, "sluice %s: --postgres and --postgres-file exclude each other; see sluice %s --help\n",
                      command->name, command->name);
        return false;
    }
    if (path != NULL)
        return read_first_line(command, path, text);
    if (from != NULL && strlen(from) >= MAX_POSTGRES) {
        (void)fprintf(stderr, "sluice %s: the connection string has more than %d bytes\n", command->name,
                      MAX_POSTGRES - 1);
        return false;
    }
    if (from != NULL)
        (void)snprintf(text, MAX_POSTGRES, "%s", from);
    return true;
}
