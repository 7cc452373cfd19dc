/* row.c - see row.h. */
#include "ledger/row.h"
