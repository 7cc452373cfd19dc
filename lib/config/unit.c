/* unit.c - see unit.h. A bare number where a unit is due is refused: nobody should have to remember which one it is. */
#include "config/unit.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
    const char *name;
    int64_t factor;
};
/* Largest first, so that formatting takes the first that leaves no rest. */
static const struct unit sizes[] = {{"GiB", INT64_C(1) << 30}, {"MiB", INT64_C(1) << 20}, {"KiB", INT64_C(1) << 10}};
static const struct unit durations[] = {
    {"h", INT64_C(3600000000)}, {"m", INT64_C(60000000)}, {"s", INT64_C(1000000)}, {"ms", INT64_C(1000)}};

static const struct unit *units_of(enum config_type type, size_t *n)
{
    *n = type == CONFIG_BYTES ? SLUICE_N_ELEMENTS(sizes) : SLUICE_N_ELEMENTS(durations);
    return type == CONFIG_BYTES ? sizes : durations;
}

/* Digits with an optional minus; returns where they end, or NULL when there are none. */
static const char *parse_integer(const char *text, int64_t *value)
{
    const char *at = text + (*text == '-');
    int64_t result = 0;
    if (*at < '0' || *at > '9')
        return NULL;
    for (; *at >= '0' && *at <= '9'; at++) {
        int digit = *at - '0';
        result = result > (INT64_MAX - digit) / 10 ? INT64_MAX : result * 10 + digit;
    }
    *value = *text == '-' ? -result : result;
    return at;
}

static int64_t times(int64_t number, int64_t factor)
{
    if (number > INT64_MAX / factor)
        return INT64_MAX;
    return number < INT64_MIN / factor ? INT64_MIN : number * factor;
}

const char *config_unit_parse(enum config_type type, const char *text, int64_t *value)
{
    int64_t number = 0;
    const char *end = parse_integer(text, &number);
    if (type == CONFIG_INT) {
        if (end == NULL || *end != '\0')
            return "is not a whole number";
        *value = number;
        return NULL;
    }
    if (end == NULL)
        return type == CONFIG_BYTES ? "is not a size" : "is not a duration";
    size_t n_units = 0;
    const struct unit *units = units_of(type, &n_units);
    for (size_t i = 0; i < n_units; i++) {
        if (strcmp(end, units[i].name) == 0) {
            *value = times(number, units[i].factor);
            return NULL;
        }
    }
    return *end == '\0' ? "has no unit" : "has an unknown unit";
}

const char *config_unit_remedy(enum config_type type)
{
    if (type == CONFIG_INT)
        return "write digits only";
    return type == CONFIG_BYTES ? "write for example 64KiB, 16MiB or 1GiB" : "write for example 250ms, 5s, 1m or 1h";
}

void config_unit_format(enum config_type type, int64_t value, char *text, size_t size)
{
    size_t n_units = 0;
    const struct unit *units = units_of(type, &n_units);
    if (type == CONFIG_INT) {
        (void)snprintf(text, size, "%" PRId64, value);
        return;
    }
    for (size_t i = 0; i < n_units; i++) {
        if (value % units[i].factor == 0 && (value != 0 || strcmp(units[i].name, "s") == 0 || type == CONFIG_BYTES)) {
            (void)snprintf(text, size, "%" PRId64 "%s", value / units[i].factor, units[i].name);
            return;
        }
    }
    SLUICE_BUG("a size or duration that no unit divides");
}
