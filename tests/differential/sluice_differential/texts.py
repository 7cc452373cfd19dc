"""Input texts of PostgreSQL's types: random ones and those at the edges.

Everything is drawn from one random.Random, so that a seed stands for a run. What the connector does not deliver is left
out here or in kinds.py, and each such place names its entry in exclusions.py.
"""

from __future__ import annotations

import base64
import json
import random
import string
import uuid
from collections.abc import Callable, Sequence

Draw = Callable[[random.Random], str]

PLACEHOLDER = "__debezium_unavailable_value"

_CONTROL = "".join(chr(c) for c in range(1, 32)) + "\x7f"
_TEXTS = (
    "", " ", "  x  ", "NULL", "null", "\\N", "\\", "\\\\", "''", '"', "`", "{}", "[]", "0", "-1", "true", "\n", "\r\n\t", _CONTROL,
    "quote ' \" ` \\ {}", "ä ß 漢字", "🚚👩‍👩‍👧", "\U0010ffff\U00010000", "\ufeffbom", "\ufffe\uffff\ufffd", "e\u0301 \u00e9", "\u2028\u2029",
    "\u202eabc", f"{PLACEHOLDER} ", f"x{PLACEHOLDER}", f"[\"{PLACEHOLDER}\"]", PLACEHOLDER[:-1], "</script>", "%s %d", "${HOME}",
    "a,b", "\u0080\u009f", "x" * 300, "ü" * 70)
_ALPHABET = string.ascii_letters + string.digits + " .,-_'\"\\/äßñ漢字🚚\t\n"


def one_of(*texts: str) -> Draw:
    """Any of them, equally often."""
    return lambda rng: rng.choice(texts)


def mixed(edges: Sequence[str], plain: Draw, share: float = 0.5) -> Draw:
    """An edge as often as `share` says, else something plain."""
    return lambda rng: rng.choice(edges) if rng.random() < share else plain(rng)


def text(rng: random.Random, limit: int = 300) -> str:
    """A text of at most `limit` characters. Never the bare placeholder: exclusion bare_placeholder."""
    if rng.random() < 0.4:
        return rng.choice(_TEXTS)[:limit]
    return "".join(rng.choice(_ALPHABET) for _ in range(rng.randrange(min(limit, 20) + 1)))


def text_up_to(limit: int) -> Draw:
    """Texts for varchar(n)."""
    return lambda rng: text(rng, limit)


def padded(limit: int) -> Draw:
    """Texts for char(n); blanks at the end mean nothing there."""
    return lambda rng: text(rng, limit).rstrip(" ")


def integer(low: int, high: int) -> Draw:
    """Integers of all sizes."""
    edges = [str(n) for n in (low, high, low + 1, high - 1, 0, 1, -1) if low <= n <= high]

    def plain(rng: random.Random) -> str:
        number = rng.randrange(2 ** rng.randrange(1, high.bit_length() + 1))
        return str(min(high, max(low, -number if rng.random() < 0.5 else number)))
    return mixed(edges, plain)


def decimal(precision: int, scale: int) -> Draw:
    """numeric(p,s) with all its digits, few of them, and none."""
    def write(unscaled: int) -> str:
        digits = str(abs(unscaled)).rjust(scale + 1, "0")
        whole, fraction = digits[:len(digits) - scale], digits[len(digits) - scale:]
        return ("-" if unscaled < 0 else "") + whole + ("." + fraction if scale else "")

    top = 10 ** precision - 1
    edges = [write(n) for n in (0, 1, -1, top, -top, 127, 128, -128, -129, 255, 256) if abs(n) <= top]
    return mixed(edges, lambda rng: write(rng.choice((1, -1)) * rng.randrange(10 ** rng.randrange(1, precision + 1))))


def numeric(rng: random.Random) -> str:
    """numeric without a scale, also far beyond any integer."""
    if rng.random() < 0.3:
        return rng.choice(("0", "0.00", "-0", "100", "1.10", "-1", "1e50", "1e-50", "123456789012345678901234567890.123456789",
                           "-0." + "0" * 37 + "1", "9" * 100, "1" + "0" * 90 + ".5"))
    return decimal(rng.randrange(1, 60), 0)(rng) if rng.random() < 0.3 else decimal(40, rng.randrange(0, 30))(rng)


def money(rng: random.Random) -> str:
    """money: 64 bits of cents, written as a plain number."""
    return rng.choice(("92233720368547758.07", "-92233720368547758.08", "0", "0.01", "-0.01")) if rng.random() < 0.4 \
        else f"{rng.randrange(-10**9, 10**9) / 100:.2f}"


def double(rng: random.Random) -> str:
    """float8."""
    return rng.choice(("0", "-0", "NaN", "Infinity", "-Infinity", "1.7976931348623157e308", "-1.7976931348623157e308", "5e-324",
                       "0.1", "1e15", "1e16", "123456789.123456789", "9007199254740993")) if rng.random() < 0.5 \
        else repr(rng.uniform(-1, 1) * 10.0 ** rng.randrange(-20, 20))


def single(rng: random.Random) -> str:
    """float4."""
    return rng.choice(("0", "-0", "NaN", "Infinity", "-Infinity", "3.4028235e38", "-3.4028235e38", "1e-45", "1.1754944e-38", "0.1",
                       "16777217")) if rng.random() < 0.5 else repr(rng.uniform(-1, 1) * 10.0 ** rng.randrange(-10, 10))


def hexadecimal(rng: random.Random) -> str:
    """bytea, in PostgreSQL's hex form. Never the bytes of the bare placeholder: exclusion bare_placeholder."""
    if rng.random() < 0.3:
        return rng.choice(("\\x", "\\x00", "\\xff", "\\x" + bytes(range(256)).hex(), "\\x5c", "\\x" + PLACEHOLDER.encode().hex() + "00",
                           "\\x" + base64.b64encode(PLACEHOLDER.encode()).hex()))
    return "\\x" + rng.randbytes(rng.randrange(40)).hex()


def bits(low: int, high: int, first: str = "") -> Draw:
    """Bit strings of low to high bits beginning with `first`."""
    def draw(rng: random.Random) -> str:
        length = rng.randint(low, high)
        fill = rng.choice(("0", "1", ""))
        return (first + (fill * length or "".join(rng.choice("01") for _ in range(length))))[:length]
    return draw


def identifier(rng: random.Random) -> str:
    """uuid."""
    return rng.choice(("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")) if rng.random() < 0.2 \
        else str(uuid.UUID(int=rng.getrandbits(128)))


def _json_value(rng: random.Random, depth: int, null_escape: bool) -> object:
    choice = rng.randrange(10 if depth else 7)
    if choice < 2:
        return text(rng, 40) + ("\0" if null_escape and rng.random() < 0.1 else "")
    if choice < 7:
        return (None, True, rng.randrange(-2**63, 2**63), rng.uniform(-1e6, 1e6), 2**64)[choice - 2]
    if choice < 9:
        return {text(rng, 12): _json_value(rng, depth - 1, null_escape) for _ in range(rng.randrange(4))}
    return [_json_value(rng, depth - 1, null_escape) for _ in range(rng.randrange(4))]


def _drawn_json(rng: random.Random, null_escape: bool, edges: Sequence[str]) -> str:
    if rng.random() < 0.3:
        return rng.choice(edges)
    return json.dumps(_json_value(rng, 3, null_escape), ensure_ascii=rng.random() < 0.3)


def json_text(rng: random.Random) -> str:
    """json: the text is kept, with its blanks, escapes and duplicate keys."""
    return _drawn_json(rng, True, ("null", "1", "\"\"", "{}", "[]", ' { "a" : 1 ,\n "a" : 2 } ', '"\\u0041\\u0000\\ud83d\\ude9a"', "1e400", "-0",
                                   "12345678901234567890123456789", "[" * 60 + "]" * 60, f'"x{PLACEHOLDER}"'))


def jsonb_text(rng: random.Random) -> str:
    """jsonb: no zero character, lone surrogates or numbers beyond numeric."""
    return _drawn_json(rng, False, ("null", "1", "\"\"", "{}", "[]", '{"b": 1, "a": 2, "a": 3}', "1.50", "1e30", "-0.0",
                                    "12345678901234567890123456789", "[" * 60 + "]" * 60, f'"x{PLACEHOLDER}"'))


def hstore(rng: random.Random) -> str:
    """hstore with NULLs and texts that need quoting."""
    def quoted(part: str) -> str:
        return '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return ", ".join(quoted(text(rng, 12)) + "=>" + ("NULL" if rng.random() < 0.2 else quoted(text(rng, 20)))
                     for _ in range(rng.randrange(4)))


def xml(rng: random.Random) -> str:
    """xml: elements and content; characters that XML allows."""
    words = "".join(c for c in text(rng, 30) if c.isalnum() or c in " ,.🚚")
    return rng.choice((f"<a b=\"1\">{words}</a>", f"{words}<x/>", "<a><![CDATA[<&]]></a>", "<a>&amp;&#228;</a>", "<!-- c --><a/>"))


def tsvector(rng: random.Random) -> str:
    """tsvector with positions, weights and quotes."""
    return rng.choice(("", "'a':1A 'fat':2B,4C 'it''s':5", "'b c' 'd'", "ä:1 漢字:2", "a fat cat", "'\\\\':3", "x:16383"))


def ltree(rng: random.Random) -> str:
    """ltree of a few labels."""
    return ".".join("".join(rng.choice("abcXYZ019_") for _ in range(rng.randint(1, 8))) for _ in range(rng.randrange(5)))


def inet(rng: random.Random) -> str:
    """inet: hosts and networks of both families."""
    if rng.random() < 0.4:
        return rng.choice(("0.0.0.0/0", "255.255.255.255", "192.168.2.1/24", "::", "::1/64", "::ffff:1.2.3.4", "fe80::1%".rstrip("%"),
                           "2001:db8::ff00:42:8329/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
    return ".".join(str(rng.randrange(256)) for _ in range(4)) + rng.choice(("", "/8", "/31", "/32"))


def cidr(rng: random.Random) -> str:
    """cidr: no bits right of the mask."""
    return rng.choice(("0.0.0.0/0", "10.0.0.0/8", "192.168.100.128/25", "255.255.255.255/32", "::/0", "2001:db8::/32", "::1/128"))


def mac(n_bytes: int) -> Draw:
    """macaddr and macaddr8."""
    return lambda rng: ":".join(f"{b:02x}" for b in rng.choice((bytes(n_bytes), b"\xff" * n_bytes, rng.randbytes(n_bytes))))


def _range(rng: random.Random, low: str, high: str) -> str:
    return rng.choice(("empty", "(,)", f"[{low},)", f"(,{high}]", f"[{low},{high}]", f"({low},{high})", f"[{low},{low}]"))


def int_range(limit: int) -> Draw:
    """int4range, int8range; the upper end is written one higher, so it stays below the limit."""
    def draw(rng: random.Random) -> str:
        low, high = sorted(rng.sample(range(-1000, 1000), 2)) if rng.random() < 0.7 else (-limit, limit - 2)
        return _range(rng, str(low), str(high))
    return draw


def num_range(rng: random.Random) -> str:
    """numrange keeps the scale of its ends."""
    return _range(rng, rng.choice(("-1.50", "0", "1e-5")), rng.choice(("1.5", "2.00", "1e30")))


def _second(rng: random.Random, digits: int) -> str:
    if digits == 0:
        return ""
    number = rng.choice((0, 1, 10 ** digits - 1, rng.randrange(10 ** digits)))
    return "." + str(number).rjust(digits, "0")


def _day(rng: random.Random) -> str:
    if rng.random() < 0.4:
        return rng.choice(("1900-01-01", "1969-12-31", "1970-01-01", "2000-02-29", "2038-01-19", "2106-02-07", "2149-06-06", "2299-12-31"))
    return f"{rng.randint(1900, 2299):04d}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def clock(digits: int, midnight: bool = True) -> Draw:
    """time(p), with 24:00:00."""
    def draw(rng: random.Random) -> str:
        if rng.random() < 0.3:
            nines = "." + "9" * digits if digits else ""
            return rng.choice(("00:00:00", "23:59:59" + nines, "12:00:00", *(["24:00:00"] if midnight else [])))
        return f"{rng.randrange(24):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}" + _second(rng, digits)
    return draw


def _zone(rng: random.Random) -> str:
    return rng.choice(("+00", "+05:30", "-03:30", "+14", "-12", "+13:45"))


def clock_with_zone(digits: int) -> Draw:
    """timetz. No 24:00:00 and no seconds in the offset: exclusions timetz_midnight, timetz_offset_seconds."""
    return lambda rng: clock(digits, midnight=False)(rng) + _zone(rng)


def day(rng: random.Random) -> str:
    """date that Date32 can hold."""
    return _day(rng)


def moment(digits: int, zone: bool = False) -> Draw:
    """timestamp(p) and timestamptz(p) that DateTime64 can hold in any zone."""
    def draw(rng: random.Random) -> str:
        if rng.random() < 0.2:
            nines = "." + "9" * digits if digits else ""
            return rng.choice(("1900-01-01 00:00:00", "2299-12-31 23:59:59" + nines, "1969-12-31 23:59:59" + nines,
                               "1970-01-01 00:00:00")) + ("+00" if zone else "")
        date = _day(rng)
        while zone and date in ("1900-01-01", "2299-12-31"):
            date = _day(rng)
        return f"{date} {clock(digits, midnight=False)(rng)}" + (_zone(rng) if zone else "")
    return draw


def any_day(rng: random.Random) -> str:
    """date with everything that Date32 can't hold, for columns with a range policy. Not the years before 1899 BC: date_era."""
    return rng.choice(("infinity", "-infinity", "1800-01-01 BC", "0044-03-15 BC", "0001-01-01", "1582-10-14", "1582-10-15", "1899-12-31",
                       "2300-01-01", "9999-12-31", "10000-01-01", "5874897-12-31")) if rng.random() < 0.5 else _day(rng)


def any_moment(digits: int, zone: bool = False) -> Draw:
    """timestamp(p) and timestamptz(p) beyond DateTime64. Not the last days of PostgreSQL's range: timestamp_end."""
    def draw(rng: random.Random) -> str:
        if rng.random() < 0.5:
            return moment(digits, zone)(rng)
        special = rng.choice(("infinity", "-infinity", "4713-01-01 12:00:00 BC", "0044-03-15 01:02:03 BC", "0001-01-01 00:00:00",
                              "1582-10-14 00:00:00", "1899-12-31 23:59:59", "2300-01-01 00:00:00", "9999-12-31 23:59:59",
                              "10000-01-01 00:00:00", "200000-06-07 08:09:10"))
        return special
    return draw


def moment_range(zone: bool) -> Draw:
    """tsrange, tstzrange, with infinite ends."""
    def draw(rng: random.Random) -> str:
        low, high = sorted(f"{rng.randint(1950, 2050)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d} "
                           + clock(rng.choice((0, 3, 6)), midnight=False)(rng) for _ in range(2))
        tail = "+00" if zone else ""
        return _range(rng, rng.choice((f'"{low}{tail}"', "-infinity")), rng.choice((f'"{high}{tail}"', "infinity")))
    return draw


def day_range(rng: random.Random) -> str:
    """daterange."""
    low, high = sorted((_day(rng), _day(rng)))
    return _range(rng, low, high)


def interval(rng: random.Random) -> str:
    """interval of whole and half seconds below 2^53 microseconds, with parts of different signs: exclusion
    interval_beyond_double."""
    months, days = rng.choice((0, 0, 1, -1, 12, rng.randrange(-2000, 2000))), rng.choice((0, 1, -1, rng.randrange(-10**4, 10**4)))
    seconds = rng.choice(("00:00:00", "-00:00:01", "24:00:00", "-100:59:59", f"{rng.randrange(10**4)}:00:01.5"))
    return f"{months} mons {days} days {seconds}"


def point(rng: random.Random) -> str:
    """point of finite and infinite ends."""
    return f"({rng.choice((repr(rng.uniform(-1e3, 1e3)), '0', '-0', '1e300', '5e-324'))},{repr(rng.uniform(-1e3, 1e3))})"


def array_of(element: Draw, nulls: bool) -> Draw:
    """One-dimensional arrays: empty, of NULLs (where the connector takes them), of everything."""
    def quoted(part: str) -> str:
        return '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def draw(rng: random.Random) -> str:
        n = rng.choice((0, 1, 2, 3, rng.randrange(10)))
        return "{" + ",".join("NULL" if nulls and rng.random() < 0.25 else quoted(element(rng)) for _ in range(n)) + "}"
    return draw
