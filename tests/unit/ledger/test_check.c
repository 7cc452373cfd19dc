/* What is remembered of a record. */
#include "ledger/check.h"

#include "support/check.h"

int main(void)
{
    const struct sluice_str none = {NULL, 0};
    const struct sluice_ledger_check check =
        sluice_ledger_check_of(7, 1000, SLUICE_STR_LITERAL("1234"), SLUICE_STR_LITERAL("56789"));
    /* The check value of CRC-32 (ISO 3309), which is that of "123456789". */
    CHECK_INT(check.crc, 0xcbf43926);
    CHECK_INT(check.offset, 7);
    CHECK_INT(check.timestamp_ms, 1000);
    CHECK_INT(sluice_ledger_check_of(7, 1000, none, none).crc, 0);
    struct sluice_ledger_check other = check;
    CHECK(sluice_ledger_check_equal(&check, &other));
    other.crc++;
    CHECK(!sluice_ledger_check_equal(&check, &other));
    other = check;
    other.timestamp_ms++;
    CHECK(!sluice_ledger_check_equal(&check, &other));
    other = check;
    other.offset++;
    CHECK(!sluice_ledger_check_equal(&check, &other));
    return check_result();
}
