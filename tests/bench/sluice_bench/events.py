"""A long stream of changes made from the few that Debezium wrote (tests/data/debezium/customers-*), and its outcome.

The text around the values is the captured one, byte for byte; keys, values, positions and times change. Every row is
written as Debezium would: `verify()` renders the captured records again and compares.
"""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

COLUMNS = ("id", "email", "name", "profile", "note", "created_at", "balance", "tags", "active")
SEED = 42
KEYS = 300_000
UPDATES, INSERTS = 0.70, 0.25  # the rest are deletes
_WORDS = ("amber birch cedar delta ember flint grove harbor indigo juniper kelp linden maple north ochre pine quartz "
          "river slate thistle umber violet willow yarrow").split()
_EPOCH = datetime(1970, 1, 1)


class Capture:
    """The captured records of one case: lines of keys, values and headers."""

    def __init__(self, folder: Path) -> None:
        self.keys = (folder / "keys").read_bytes().split(b"\n")[:-1]
        self.values = (folder / "values").read_bytes().split(b"\n")[:-1]
        self.headers = [[(name, text.encode()) for name, text in json.loads(line)]
                        for line in (folder / "headers").read_bytes().split(b"\n")[:-1]]

    def streamed(self) -> list[int]:
        """Indexes of the records that are changes made after the snapshot, tombstones left out."""
        return [i for i, value in enumerate(self.values) if b'"snapshot":"false"' in value]


def around_payload(text: bytes) -> tuple[bytes, bytes]:
    """What stands before and behind the payload of a record with embedded schema."""
    head, mark, _ = text.partition(b'"payload":')
    return head + mark, b"}"


@dataclass(frozen=True)
class Position:
    """Where a change stands in the source's log; times in nanoseconds."""

    commit: int
    lsn: int
    tx: int
    source_ns: int
    ns: int


class Envelope:
    """Renders values as Debezium does; only what is passed in changes."""

    def __init__(self, plain: Capture) -> None:
        self._plain = plain
        _, _, tail = plain.values[plain.streamed()[-1]].decode().partition(',"source":')
        source, _, rest = tail.partition("},")
        source = re.sub(r'"sequence":"[^,]*,[^,]*"', r'"sequence":"[\\"%(commit)d\\",\\"%(lsn)d\\"]"', source)
        for key, value in {"ts_ms": "source_ms", "ts_us": "source_us", "ts_ns": "source_ns", "txId": "tx",
                           "lsn": "lsn"}.items():
            source = re.sub(rf'"{key}":\d+', f'"{key}":%({value})d', source)
        for key in ("ts_ms", "ts_us", "ts_ns"):
            rest = re.sub(rf'"{key}":\d+', f'"{key}":%({key[3:]})d', rest)
        rest = re.sub(r'"op":"."', '"op":"%(op)s"', rest)
        self._template = '{"before":%(before)s,"after":%(after)s,"source":' + source + "}," + rest
        nothing = ",".join(f'"{column}":null' for column in COLUMNS[1:])
        self._before = f'{{"id":%d,{nothing}}}'

    def render(self, op: str, key: int, after: str, at: Position) -> bytes:
        """One change; `after` is the row's JSON text."""
        deleted = op == "d"
        return (self._template % {
            "before": self._before % key if deleted else "null", "after": "null" if deleted else after, "op": op,
            "commit": at.commit, "lsn": at.lsn, "tx": at.tx, "source_ns": at.source_ns,
            "source_us": at.source_ns // 1000, "source_ms": at.source_ns // 1_000_000, "ns": at.ns,
            "us": at.ns // 1000, "ms": at.ns // 1_000_000}).encode()

    def verify(self) -> None:
        """Every captured change whose position is complete comes out as it was captured."""
        checked = 0
        for i in self._plain.streamed():
            text = self._plain.values[i]
            record = json.loads(text)
            source = record["source"]
            commit, lsn = json.loads(source["sequence"])
            if commit is None:
                continue
            after = re.search(rb'"after":(null|\{.*?\}),"source":', text)
            at = Position(int(commit), int(lsn), source["txId"], source["ts_ns"], record["ts_ns"])
            key = (record["after"] or record["before"])["id"]
            made = self.render(record["op"], key, after[1].decode(), at)
            if made != text:
                raise SystemExit(f"bench: this is not what Debezium wrote:\n{made!r}\n{text!r}")
            if record["after"] is not None and row_json(key, _text_of(record["after"])) != after[1].decode():
                raise SystemExit(f"bench: this row is not what Debezium wrote: {after[1]!r}")
            checked += 1
        if checked < 10:
            raise SystemExit("bench: too few captured records")


def _json_text(text: str | None) -> str:
    """As Jackson writes strings: UTF-8, but surrogate pairs escaped in upper case."""
    if text is None:
        return "null"
    return "".join(c if ord(c) < 0x10000 else json.dumps(c)[1:-1].upper().replace("\\U", "\\u")
                   for c in json.dumps(text, ensure_ascii=False))


def _text_of(after: dict) -> tuple:
    """A row's columns but the key, as pieces of JSON text."""
    return tuple(_json_text(v) if isinstance(v, str) else json.dumps(v) for v in list(after.values())[1:])


def row_json(key: int, pieces: tuple) -> str:
    """The JSON text of a row."""
    return ('{"id":%d,"email":%s,"name":%s,"profile":%s,"note":%s,"created_at":%s,"balance":%s,"tags":%s,"active":%s}'
            % (key, *pieces))


def _unscaled(n: int) -> str:
    """As Connect writes a decimal: base64 of the shortest big-endian two's complement."""
    size = (n if n >= 0 else ~n).bit_length() // 8 + 1
    return base64.b64encode(n.to_bytes(size, "big", signed=True)).decode()


def _tsv(text: str | None) -> str:
    return "\\N" if text is None else text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


class Values:
    """Random rows: a tuple of JSON pieces, and the same as ClickHouse prints the columns (tab-separated)."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._names = self._pool(400, lambda: f"{self._word().title()} {self._word().title()}")
        self._names += self._pool(20, lambda: f"Zoë {self._word().title()}")
        self._profiles = self._pool(3600, lambda: self._words(8))
        self._profiles += self._pool(400, lambda: f'{self._words(6)} "{self._words(2)}"\n{self._word()}')
        self._notes = self._pool(3000, lambda: self._words(5)) + [(None, None)] * 600
        self._tags = self._pool(2000, lambda: self._words(3))
        self._pools = [[(_json_text(text), _tsv(text)) for text, _ in pool]
                       for pool in (self._names, self._profiles, self._notes, self._tags)]
        self._null = ("null", "\\N")

    def _word(self) -> str:
        return self._rng.choice(_WORDS)

    def _words(self, n: int) -> str:
        return " ".join(self._word() for _ in range(n))

    @staticmethod
    def _pool(n: int, make) -> list:
        return [(make(), None) for _ in range(n)]

    def row(self) -> tuple[tuple, tuple]:
        """The JSON pieces of a row, and what is needed to print it."""
        bits = self._rng.getrandbits(160)

        def take(n: int) -> int:
            nonlocal bits
            bits, index = divmod(bits, n)
            return index
        name, profile, note, tags = (pool[take(len(pool))] for pool in self._pools)
        email = f"{_WORDS[take(24)]}.{_WORDS[take(24)]}{take(1_000_000)}@example.com"
        created = 1_700_000_000_000_000 + take(60_000_000_000_000)
        unscaled = take(90_000_000) - 10_000_000
        active = ("true", "true", "false", "null")[take(4)]
        pieces = (f'"{email}"', name[0], profile[0], note[0], str(created), f'"{_unscaled(unscaled)}"', tags[0], active)
        return pieces, (email, name[1], profile[1], note[1], created, unscaled, tags[1], active)


def oracle_line(key: int, kept: tuple, lsn: int) -> str:
    """A row as `FORMAT TabSeparated` prints it, with the lsn of the change that wrote it."""
    email, name, profile, note, created, unscaled, tags, active = kept
    time = (_EPOCH + timedelta(microseconds=created)).strftime("%Y-%m-%d %H:%M:%S.%f")
    balance = f"{'-' if unscaled < 0 else ''}{abs(unscaled) // 100}.{abs(unscaled) % 100:02d}"
    return "\t".join((str(key), email, name, profile, note, time, balance, tags,
                      "\\N" if active == "null" else active, str(lsn)))


class Stream:
    """The changes in order; afterwards `counts` and `oracle()` tell what they come to."""

    def __init__(self, envelope: Envelope, rows: int) -> None:
        self._envelope = envelope
        self._rows = rows
        self._rng = random.Random(SEED)
        self._values = Values(self._rng)
        self._living: list[int] = []
        self._dead = list(range(1, KEYS + 1))
        self._final: dict[int, tuple] = {}
        self.counts = {"u": 0, "c": 0, "d": 0}

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Pairs of key and value (without schema)."""
        for at in self._positions():
            op = self._choose()
            key = self._key(op)
            self.counts[op] += 1
            if op == "d":
                del self._final[key]
                yield key, self._envelope.render(op, key, "", at)
            else:
                pieces, kept = self._values.row()
                self._final[key] = (kept, at.lsn)
                yield key, self._envelope.render(op, key, row_json(key, pieces), at)

    def oracle(self) -> bytes:
        """The living rows by key."""
        return "".join(oracle_line(key, *self._final[key]) + "\n" for key in sorted(self._final)).encode()

    def _positions(self) -> Iterator[Position]:
        """Transactions of one to eight changes, at a few thousand changes a second."""
        lsn, commit, tx, ns = 26_000_000, 25_999_000, 740, 1_790_000_000_000_000_000
        left = 0
        for _ in range(self._rows):
            if left == 0:
                lsn += 64
                commit, tx, left = lsn, tx + 1, 1 + self._rng.getrandbits(3)
                ns += 1000 * (200 + self._rng.getrandbits(10))
            yield Position(commit, lsn, tx, ns, ns + 40_000_123)
            lsn += 8 * (10 + self._rng.getrandbits(5))
            left -= 1

    def _choose(self) -> str:
        drawn = self._rng.random()
        if not self._living or (UPDATES <= drawn < UPDATES + INSERTS and self._dead):
            return "c"
        return "d" if drawn >= UPDATES + INSERTS else "u"

    def _key(self, op: str) -> int:
        """A key that the change may have: an insert wants a dead one, the others a living one."""
        source = self._dead if op == "c" else self._living
        at = int(self._rng.random() * len(source))
        key = source[at]
        if op == "u":
            return key
        source[at] = source[-1]
        source.pop()
        (self._living if op == "c" else self._dead).append(key)
        return key
