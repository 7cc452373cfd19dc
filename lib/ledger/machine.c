/* machine.c - see machine.h. */
#include "ledger/machine.h"
