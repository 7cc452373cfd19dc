/* output.h - the ends of what is printed for a person or a file. */
#ifndef SLUICE_CONFIG_OUTPUT_H
#define SLUICE_CONFIG_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

#include "base/error.h"

SLUICE_DEFINE_AUTO_PTR(json, json_t, json_decref)

/* Flushes. SLUICE_E_IO when anything printed before could not be written. */
SLUICE_MUST_CHECK enum sluice_code config_output_end(FILE *out, struct sluice_error *err);
/* The document, indented, with a line break behind it. */
SLUICE_MUST_CHECK enum sluice_code config_output_json(const json_t *root, FILE *out, struct sluice_error *err);
/* `text` in lines of at most `width` bytes, each with `prefix` in front (which counts). */
void config_output_wrapped(FILE *out, const char *text, const char *prefix, size_t width);

#endif
