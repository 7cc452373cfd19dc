/* test_cursor.c over a cursor without SSE2. */
#include "test_cursor.c"
