/* main.c - clickhouse-embedded: ClickHouse's HTTP interface in front of the engine as a library (libchdb).
 * For trying and testing; it knows no users and no grants. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "server.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, THREADS_DEFAULT = 8 };

static const char usage[] =
    "usage: clickhouse-embedded --listen ADDRESS:PORT --path DIR [OPTION]...\n"
    "\n"
    "ClickHouse's HTTP interface over libchdb, for trying and testing. It knows no users and no grants.\n"
    "\n"
    "  --listen ADDRESS:PORT  IPv4 address; port 0 takes a free one, which is printed\n"
    "  --path DIR             where the data lies\n"
    "  --config-file FILE     configuration of the engine (zookeeper, keeper_map_path_prefix, ...)\n"
    "  --threads N            statements that run at a time (default 8)\n"
    "  --faults               misbehave on demand:\n"
    "                           POST /_fault?kind=delay|cut_before|cut_after|refuse|status|proxy\n"
    "                             [&count=N] [&skip=N]      hits N inserts (default 1) after letting some pass\n"
    "                             [&match=TEXT]             hits any statement that contains TEXT instead\n"
    "                             [&ms=N&when=before|after] for delay\n"
    "                             [&code=N] [&text=TEXT]    for refuse (default 241) and status (default 209)\n"
    "                             [&status=N]               for proxy (default 502)\n"
    "                           GET /_fault lists them with their hits, DELETE /_fault clears them\n"
    "  --log                  a line per request on stderr\n"
    "  --help                 this text\n";

struct arguments {
    struct server_options server;
    char host[64];
    const char *path;
    const char *config;
    unsigned threads;
    bool help;
};

static bool parse_number(const char *text, unsigned long max, unsigned long *value)
{
    char *end = NULL;
    errno = 0;
    *value = strtoul(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *value <= max;
}

static bool parse_listen(struct arguments *a, const char *text)
{
    const char *colon = strrchr(text, ':');
    unsigned long port = 0;
    if (colon == NULL || (size_t)(colon - text) >= sizeof a->host || !parse_number(colon + 1, 65535, &port))
        return false;
    memcpy(a->host, text, (size_t)(colon - text));
    a->host[colon - text] = '\0';
    a->server.host_z = a->host;
    a->server.port = (uint16_t)port;
    return true;
}

static bool parse_option(struct arguments *a, int option, const char *value)
{
    unsigned long n = 0;
    switch (option) {
    case 'l':
        return parse_listen(a, value);
    case 'p':
        a->path = value;
        return true;
    case 'c':
        a->config = value;
        return true;
    case 't':
        if (!parse_number(value, 256, &n) || n == 0)
            return false;
        a->threads = (unsigned)n;
        return true;
    case 'f':
        a->server.faults = true;
        return true;
    case 'v':
        a->server.log = true;
        return true;
    case 'h':
        a->help = true;
        return true;
    default:
        return false;
    }
}

static bool parse_arguments(struct arguments *a, int argc, char **argv)
{
    static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
                                            {"path", required_argument, NULL, 'p'},
                                            {"config-file", required_argument, NULL, 'c'},
                                            {"threads", required_argument, NULL, 't'},
                                            {"faults", no_argument, NULL, 'f'},
                                            {"log", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    a->threads = THREADS_DEFAULT;
    int index = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, &index)) != -1;) {
        if (option == '?')
            return false;
        if (!parse_option(a, option, optarg)) {
            (void)fprintf(stderr, "clickhouse-embedded: --%s does not take \"%s\"\n", options[index].name, optarg);
            return false;
        }
    }
    if (a->help)
        return true;
    if (optind != argc || a->server.host_z == NULL || a->path == NULL) {
        (void)fprintf(stderr, "clickhouse-embedded: needs --listen and --path, and takes nothing but options\n");
        return false;
    }
    return true;
}

/* Signals are taken by sigwait() alone; blocked here, so that every thread, the engine's too, inherits it. */
static void block_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* The engine reads an INSERT without data from standard input, as clickhouse-local does: let it find nothing. */
static void empty_stdin(void)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
        (void)close(null);
    }
}

static int serve(struct arguments *a, const sigset_t *signals)
{
    struct failure f = {0};
    struct engine *engine = engine_new(a->path, a->config, a->threads, &f);
    if (engine == NULL) {
        (void)fprintf(stderr, "clickhouse-embedded: cannot open \"%s\": %s\n", a->path, f.text == NULL ? "" : f.text);
        failure_deinit(&f);
        return EXIT_FAILED;
    }
    failure_set_version(engine_version(engine));
    char problem[128];
    struct server *server = server_start(engine, &a->server, problem, sizeof problem);
    if (server == NULL) {
        (void)fprintf(stderr, "clickhouse-embedded: %s:%u: %s\n", a->host, a->server.port, problem);
        engine_free(engine);
        return EXIT_FAILED;
    }
    (void)printf("listening on http://%s:%u\n", a->host, server_port(server));
    (void)fflush(stdout);
    int caught = 0;
    (void)sigwait(signals, &caught);
    (void)pthread_sigmask(SIG_UNBLOCK, signals, NULL); /* a second signal ends the process at once */
    server_stop(server);
    engine_free(engine);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    sigset_t signals;
    if (!parse_arguments(&a, argc, argv)) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (a.help)
        return fputs(usage, stdout) == EOF ? EXIT_FAILED : EXIT_SUCCESS;
    block_signals(&signals);
    empty_stdin();
    return serve(&a, &signals);
}
