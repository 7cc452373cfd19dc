/* client.h - fetches schemas from a schema registry that speaks Confluent's API, or Apicurio's own.
 *
 * Of the API only the reading of schemas is used: GET /schemas/ids/{id}, /schemas/guids/{guid} and, for references,
 * /subjects/{subject}/versions/{version}. Ids in Apicurio's headers lead to its core API beside the compatible one.
 * Sources: Confluent documentation, "Schema Registry API Reference"; Apicurio Registry 2.6 core API v2; answers of
 * Apicurio 2.6.13 as observed.
 *
 * It keeps nothing but its connection: whoever asks caches. Thread: the one that made it (a sender).
 */
#ifndef SLUICE_REGISTRY_CLIENT_H
#define SLUICE_REGISTRY_CLIENT_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "registry/options.h"

enum {
    REGISTRY_MAX_ANSWER = 8 << 20, /* bytes */
    REGISTRY_MAX_REFERENCES = 100, /* of one schema, those of its references included */
    REGISTRY_MAX_DEPTH = 16        /* of references */
};

enum registry_ref_kind {
    REGISTRY_ID,        /* Confluent's, 32 bits */
    REGISTRY_GUID,      /* Confluent's, 16 bytes */
    REGISTRY_GLOBAL_ID, /* Apicurio's: of one version of an artifact */
    REGISTRY_CONTENT_ID /* Apicurio's: of a content */
};

/* What a record says of its schema. Bytes that its kind does not use are 0. */
struct registry_ref {
    enum registry_ref_kind kind;
    uint64_t id;
    unsigned char guid[16];
};

static inline bool registry_ref_equal(const struct registry_ref *a, const struct registry_ref *b)
{
    return a->kind == b->kind && a->id == b->id && memcmp(a->guid, b->guid, sizeof a->guid) == 0;
}

/* "id 7", "guid 0a1b..", "globalId 7", "contentId 7" for messages. */
enum { REGISTRY_REF_TEXT = 64 };
void registry_ref_text(const struct registry_ref *ref, char out[REGISTRY_REF_TEXT]);

enum registry_type { REGISTRY_AVRO, REGISTRY_JSON_SCHEMA };

struct registry_named {
    const char *name; /* by which a schema refers to it */
    struct sluice_str text;
};

struct registry_document {
    enum registry_type type;
    struct sluice_str text;
    const struct registry_named *named; /* what it refers to; each may use those before it */
    size_t n_named;
};

struct sluice_registry;

/* Errors: SLUICE_E_CONFIG, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_registry_new(const struct sluice_registry_options *options,
                                                       struct sluice_registry **out, struct sluice_error *err);
void sluice_registry_free(struct sluice_registry *registry);
SLUICE_DEFINE_AUTO_PTR(sluice_registry, struct sluice_registry, sluice_registry_free)

/* One attempt at every address in turn, from the one that answered last. The document lies in `arena`.
 * Errors: SLUICE_E_REGISTRY: not found (SLUICE_RETRY, detail 404: a follower may lag, or the id is of another registry;
 * the caller decides how long), not answering, 429 or 5xx (SLUICE_RETRY), credentials or certificates refused, another
 * status (SLUICE_STOP_PARTITION); SLUICE_E_SCHEMA an answer that is not understood, a type that is not supported, too
 * many references (SLUICE_REJECT); SLUICE_E_LIMIT; SLUICE_E_CANCELLED; SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_registry_fetch(struct sluice_registry *registry,
                                                         const struct registry_ref *ref, struct sluice_arena *arena,
                                                         struct registry_document *out, struct sluice_error *err);

/* Does a registry answer at each address, with these credentials? *url tells which was asked last, without user and
 * password. Errors: as above. */
SLUICE_MUST_CHECK enum sluice_code sluice_registry_probe(struct sluice_registry *registry, const char **url,
                                                         struct sluice_error *err);

#endif
