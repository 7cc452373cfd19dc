/* test_change.c over a decoder without SSE2. */
#include "test_change.c"
