/* random.c - see random.h. */
#include "base/random.h"

#include "base/compiler.h"

#include <errno.h>
#include <sys/random.h>

uint64_t sluice_random_u64(void)
{
    uint64_t number = 0;
    while (number == 0) {
        ssize_t n = getrandom(&number, sizeof number, 0);
        if (n < 0 && errno != EINTR)
            SLUICE_BUG("the kernel gives no random numbers"); /* an owner that is not alone would be no fence */
        if (n != (ssize_t)sizeof number)
            number = 0;
    }
    return number;
}
