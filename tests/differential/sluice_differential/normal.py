"""How a cell of PostgreSQL and the cell of ClickHouse are made comparable: one entry per pair of types, tested by tests.py.

PostgreSQL's side is the text of COPY ... TO STDOUT (UTC, ISO dates, hex bytea, intervals in the style `postgres`),
ClickHouse's that of toString(), or of the expression that ClickHouse's side of the entry names. Only the spelling is
levelled, and what the target's type does by its documentation: a range policy, UTC for a time with a zone. NULL is None on
both sides and never changed, except where ClickHouse has no NULL (arrays, tuples; null_composite: empty).
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

CLAMP, NULL, REJECT = "clamp", "null", "reject"

# `policy` is the column's on_out_of_range; only times look at it. None means NULL.
FromPostgres = Callable[[str, str], "str | None"]
FromClickHouse = Callable[[str], str]


@dataclass(frozen=True)
class Pair:
    """One pair of types. `expression` writes the ClickHouse cell as text; {} is the column."""

    postgres: FromPostgres
    clickhouse: FromClickHouse
    expression: str = "toString({})"


def _keep(text: str) -> str:
    return text


def _plainly(function: Callable[[str], str]) -> Pair:
    return Pair(lambda text, _: function(text), function)


def boolean(text: str) -> str:
    """t and true; f and false; also 0 and 1 of bit(1)."""
    return {"t": "true", "1": "true", "f": "false", "0": "false"}.get(text, text)


def number(text: str) -> str:
    """Exact decimals of any length: 1.50 is 1.5, -0.00 is 0."""
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    short = f"{whole}.{fraction}" if fraction else whole
    return "0" if short == "-0" else short


def money(text: str) -> str:
    """-$1,234.50 is -1234.5."""
    return number(text.replace("$", "").replace(",", ""))


def double(text: str) -> str:
    """float8 by its value: both write the shortest text that reads back, in different forms."""
    return repr(float(text))


def single(text: str) -> str:
    """float4 by its own bits."""
    try:
        return repr(struct.unpack("f", struct.pack("f", float(text)))[0])
    except OverflowError:
        return text


def hexadecimal(text: str) -> str:
    r"""\x00FF is 00ff."""
    return text.removeprefix("\\x").lower()


def clock(text: str) -> str:
    """12:00:00.500000 is 12:00:00.5."""
    return text.rstrip("0").removesuffix(".") if "." in text else text


_CLOCK = re.compile(r"(\d+):(\d+)(?::(\d+)(?:\.(\d+))?)?(Z|[+-]\d+(?::\d+)?)$")


def clock_utc(text: str) -> str:
    """timetz in UTC, as the connector sends it: the offset is not kept."""
    found = _CLOCK.match(text)
    if found is None:
        return text
    hours, minutes, seconds, fraction, zone = found.groups(default="")
    shift = 0
    if zone != "Z":
        zone_hours, _, zone_minutes = zone[1:].partition(":")
        shift = (int(zone_hours) * 60 + int(zone_minutes or 0)) * (-1 if zone[0] == "-" else 1)
    minute = (int(hours) * 60 + int(minutes) - shift) % 1440
    return clock(f"{minute // 60:02d}:{minute % 60:02d}:{int(seconds or 0):02d}.{fraction}" if fraction
                 else f"{minute // 60:02d}:{minute % 60:02d}:{int(seconds or 0):02d}")


def days_of(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the proleptic Gregorian calendar; year 0 is 1 BC."""
    year -= month <= 2
    era = year // 400
    in_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + in_era * 365 + in_era // 4 - in_era // 100 + of_year - 719468


_MOMENT = re.compile(r"(\d+)-(\d+)-(\d+)(?: (\d+):(\d+):(\d+)(?:\.(\d+))?)?(?:\+00)?( BC)?$")
DAY_US = 86_400_000_000
FIRST_US, LAST_US = days_of(1900, 1, 1) * DAY_US, days_of(2300, 1, 1) * DAY_US - 1


def microseconds(text: str) -> int:
    """A date or timestamp of either server as microseconds since 1970; the infinities lie beyond everything."""
    if text in ("infinity", "-infinity"):
        return (-1 if text[0] == "-" else 1) << 80
    found = _MOMENT.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no date and no timestamp")
    year, month, day, hour, minute, second, fraction, era = found.groups()
    number_of_year = 1 - int(year) if era else int(year)
    seconds = (int(hour or 0) * 60 + int(minute or 0)) * 60 + int(second or 0)
    return days_of(number_of_year, int(month), int(day)) * DAY_US + seconds * 1_000_000 + int((fraction or "").ljust(6, "0")[:6])


def instant(text: str) -> int:
    """A timestamp with any offset as microseconds since 1970 in UTC."""
    local, sign, zone = re.fullmatch(r"(\S+ [\d:.]+)(?:([+-])(.*))?", text).groups()  # type: ignore[union-attr]
    hours, _, minutes = (zone or "0").partition(":")
    return microseconds(local) - (int(hours) * 60 + int(minutes or 0)) * (-60_000_000 if sign == "-" else 60_000_000)


def _ranged(unit_us: int) -> FromPostgres:
    """What on_out_of_range makes of a time beyond Date32 and DateTime64, 1900 to 2299; unit: of the column's type."""
    def level(text: str, policy: str) -> str | None:
        at = microseconds(text)
        if not FIRST_US <= at <= LAST_US:
            if policy == NULL:
                return None
            if policy == CLAMP:
                at = FIRST_US if at < FIRST_US else LAST_US // unit_us * unit_us
        return str(at)
    return level


def times(unit_us: int) -> Pair:
    """date (unit: a day), timestamp, timestamptz."""
    return Pair(_ranged(unit_us), lambda text: str(microseconds(text)))


_INTERVAL = re.compile(r"(?:(-?\d+) years? ?)?(?:(-?\d+) mons? ?)?(?:(-?\d+) days? ?)?(?:([+-]?)(\d+):(\d+):(\d+)(?:\.(\d+))?)?$")
MONTH_US = 2_629_800_000_000  # 365.25 / 12 days


def interval_us(text: str) -> str:
    """interval in microseconds as interval.handling.mode=numeric counts: a month is 365.25/12 days."""
    found = _INTERVAL.match(text.replace("+", "", 1) if text.startswith("+") else text.replace(" +", " "))
    if found is None:
        raise ValueError(f"{text!r} is no interval")
    years, months, days, sign, hours, minutes, seconds, fraction = found.groups()
    rest = ((int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)) * 1_000_000 + int((fraction or "").ljust(6, "0"))
    return str((int(years or 0) * 12 + int(months or 0)) * MONTH_US + int(days or 0) * DAY_US + (-rest if sign == "-" else rest))


def dictionary(text: str) -> str:
    """A JSON object whatever the order of its keys."""
    return json.dumps(json.loads(text), sort_keys=True)


def hstore(text: str) -> str:
    """hstore's own form as a JSON object."""
    parts = [_unquoted(part) for part in re.findall(r'"(?:[^"\\]|\\.)*"|NULL', text, re.DOTALL)]
    return json.dumps(dict(zip(parts[::2], parts[1::2], strict=True)), sort_keys=True)


def _unquoted(part: str) -> str | None:
    return None if part == "NULL" else re.sub(r"\\(.)", r"\1", part[1:-1], flags=re.DOTALL)


def split_array(text: str) -> list[str | None]:
    """The elements of a one-dimensional array as PostgreSQL writes it."""
    inner, found, at = text[1:-1], [], 0
    while at < len(inner):
        if inner[at] == '"':
            match = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL).match(inner, at)
            assert match is not None
            found.append(re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL))
            at = match.end() + 1
        else:
            end = inner.find(",", at)
            end = len(inner) if end < 0 else end
            found.append(None if inner[at:end] == "NULL" else re.sub(r"\\(.)", r"\1", inner[at:end], flags=re.DOTALL))
            at = end + 1
    return found


def point(text: str) -> str:
    """(1.5,-2) as a list of two numbers."""
    return json.dumps([double(part) for part in text.strip("()").split(",")])


SAME = _plainly(_keep)
BOOLEAN = _plainly(boolean)
NUMBER = _plainly(number)
MONEY = Pair(lambda text, _: money(text), number)
DOUBLE = _plainly(double)
SINGLE = _plainly(single)
BYTES = Pair(lambda text, _: hexadecimal(text), _keep, "lower(hex({}))")
CLOCK = _plainly(clock)
CLOCK_UTC = _plainly(clock_utc)
DATE = times(DAY_US)
INTERVAL = Pair(lambda text, _: interval_us(text), _keep)
HSTORE = Pair(lambda text, _: hstore(text), dictionary)
POINT = Pair(lambda text, _: point(text), lambda text: json.dumps([part and double(part) for part in json.loads(text)]),
             "toJSONString([toString({0}.1), toString({0}.2)])")


def array_pair(element: Pair) -> Pair:
    """Arrays element by element; NULL inside stays NULL."""
    def from_postgres(text: str, policy: str) -> str:
        return json.dumps([None if part is None else element.postgres(part, policy) for part in split_array(text)])

    def from_clickhouse(text: str) -> str:
        return json.dumps([None if part is None else element.clickhouse(part) for part in json.loads(text)])

    return Pair(from_postgres, from_clickhouse, "toJSONString(arrayMap(x -> " + element.expression.format("x") + ", {}))")
