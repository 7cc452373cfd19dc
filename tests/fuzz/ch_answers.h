/* ch_answers.h - answers of ClickHouse that the input holds. Linked with --wrap=sluice_ch_query: each question takes
 * the next part of the input, up to 0xff, and an answer that nobody wants takes one too. */
#ifndef SLUICE_TESTS_CH_ANSWERS_H
#define SLUICE_TESTS_CH_ANSWERS_H

#include "fuzz.h"

void ch_answers_set(const uint8_t *data, size_t size); /* borrowed until the next call */

#endif
