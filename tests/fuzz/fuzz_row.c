/* Any bytes as the text of a ledger's row: what is read is written as it was. */
#include "fuzz.h"

#include "ledger/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sluice_ledger_row row;
    struct sluice_source_state source;
    enum sluice_ledger_kind kind;
    char path[SLUICE_LEDGER_PATH];
    char again[SLUICE_LEDGER_TEXT];
    char *text = fuzz_text((struct sluice_str){(const char *)data, size});
    enum sluice_ledger_text_kind what = sluice_ledger_row_parse(&row, &kind, path, text);
    if (what == SLUICE_LEDGER_TEXT_ROW) {
        sluice_ledger_row_format(&row, kind, path, again);
        if (strcmp(text, again) != 0)
            SLUICE_BUG("a row that is written otherwise than it was read");
    }
    if (sluice_source_state_parse(&source, text) != (what == SLUICE_LEDGER_TEXT_SOURCE))
        SLUICE_BUG("a source's state for the one and not for the other");
    free(text);
    return 0;
}
