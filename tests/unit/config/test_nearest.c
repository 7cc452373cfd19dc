#include "sluice/nearest.h"

#include "support/check.h"

int main(void)
{
    static const char *const names[] = {"run", "check", "config", "version"};
    static const char *const cases[][2] = {
        {"run", "run"},         {"rnu", "run"}, {"chekc", "check"}, {"cfg", NULL},          {"confg", "config"},
        {"Version", "version"}, {"", NULL},     {"x", NULL},        {"vresoin", "version"}, {"something", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = sluice_nearest(cases[i][0], names, 4);
        if (cases[i][1] == NULL)
            CHECK(got == NULL);
        else
            CHECK_TEXT(got, cases[i][1]);
    }
    char word[200];
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    const char *const long_names[] = {word};
    CHECK(sluice_nearest(word, names, 4) == NULL);
    CHECK(sluice_nearest("a", long_names, 1) == NULL);
    CHECK(sluice_nearest("a", names, 0) == NULL);
    return check_result();
}
