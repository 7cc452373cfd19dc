"""Random tables: columns of all types, names, keys, defaults, replica identities."""

from __future__ import annotations

import random
import re
import struct
from dataclasses import dataclass, field, replace

import kinds
import normal
from kinds import Kind

# In front of a number that makes them distinct, in tables; columns as they are.
_NAMES = (
    "select", "from", "table", "order", "index", "user", "final", "array", "sample", "prewhere", "format", "null", "NULL", "nan", "inf",
    "id", "op", "source", "before", "after", "schema", "payload", "ts_ms", "key", "value", "transaction", "lsn", "_topic_", "__op",
    "Key Part", "CamelCase", "käy", "Größe", "漢字", "ключ", "🚚", "a b", " lead", "trail ", "dot.ted", "a,b", "a:b", "a;b", "a=b",
    "_x", "1digit", "9", "per%cent", "?", "{p:String}", "$1", "@", "#", "--", "/*c*/", "[0]", "(x)", "a-b", "a+b", "a|b", "^a$", ".*",
    "qu'ote", 'qu"ote', "tick`s", "back\\slash", "n\\n", "x" * 55)


def quoted(name: str) -> str:
    """An identifier of PostgreSQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text of PostgreSQL that can be pasted: what is not printable is escaped."""
    if all(c.isprintable() and c != "\\" for c in text):
        return "'" + text.replace("'", "''") + "'"
    inner = text.replace("\\", "\\\\").replace("'", "''")
    return "E'" + "".join(c if c.isprintable() else f"\\u{ord(c):04X}" if ord(c) < 0x10000 else f"\\U{ord(c):08X}" for c in inner) + "'"


def avro_name(name: str) -> str:
    """The name that field.name.adjustment.mode=avro makes: one underscore per UTF-16 unit that Avro does not take."""
    units = len(name.encode("utf-16-le")) // 2
    wide = name.encode("utf-16-le")
    adjusted = "".join(chr(wide[2 * i]) if wide[2 * i + 1] == 0 and re.match(r"[A-Za-z0-9_]", chr(wide[2 * i])) else "_"
                       for i in range(units))
    return "_" + adjusted if adjusted[0].isdigit() else adjusted


@dataclass(frozen=True)
class Value:
    """A cell to write: PostgreSQL's input text, or SQL for what is too long to spell out, or NULL."""

    text: str | None
    sql: str | None = None

    def render(self) -> str:
        """As part of a statement."""
        if self.sql is not None:
            return self.sql
        return "NULL" if self.text is None else literal(self.text)


@dataclass(frozen=True)
class Column:
    """One column. `policy` is its on_out_of_range."""

    name: str
    kind: Kind
    required: bool
    default: str | None = None
    policy: str = normal.REJECT
    long_share: float = 0.0
    nulls: bool = True

    def definition(self) -> str:
        """For CREATE TABLE."""
        return (f"{quoted(self.name)} {self.kind.sql}" + (" NOT NULL" if self.required else "")
                + (f" DEFAULT {literal(self.default)}" if self.default is not None else ""))

    def value(self, rng: random.Random, copied: bool = False) -> Value:
        """A random cell; `copied`: one that COPY can write."""
        if not self.required and self.nulls and rng.random() < 0.15:
            return Value(None)
        if not copied and self.long_share and rng.random() < self.long_share:
            return Value(None, self.kind.long_value(rng))
        draw = self.kind.any_draw if self.policy != normal.REJECT and self.kind.any_draw else self.kind.draw
        return Value(draw(rng))


@dataclass
class Table:
    """One table. `key` are places in `columns`; `identity` is DEFAULT, FULL, INDEX or NOTHING."""

    name: str
    columns: list[Column]
    key: tuple[int, ...]
    key_kind: str  # primary, unique, none
    identity: str
    keys: list[tuple[Value, ...]] = field(default_factory=list)  # distinct ones that rows may have
    avro: bool = True
    busy: int = 1

    def create(self) -> list[str]:
        """The statements that make it."""
        name = quoted(self.name)
        key = ", ".join(quoted(self.columns[i].name) for i in self.key)
        parts = [column.definition() for column in self.columns]
        if self.key_kind == "primary":
            parts.append(f"PRIMARY KEY ({key})")
        found = [f"CREATE TABLE {name} ({', '.join(parts)})"]
        if self.key_kind == "unique":
            found.append(f"CREATE UNIQUE INDEX {quoted(self.index())} ON {name} ({key})")
        if self.identity == "INDEX":
            found.append(f"ALTER TABLE {name} REPLICA IDENTITY USING INDEX {quoted(self.index())}")
        elif self.identity != "DEFAULT":
            found.append(f"ALTER TABLE {name} REPLICA IDENTITY {self.identity}")
        return found

    def index(self) -> str:
        """The name of the unique index."""
        return "i" + self.name[-12:]

    def inserts_only(self) -> bool:
        """True if the server refuses updates and deletes, or the connector's records of them can't be told apart."""
        return self.key_kind == "none" or self.identity == "NOTHING"

    def named(self, name: str) -> Table:
        """The same under another name."""
        return replace(self, name=name)


def _same_key(kind: Kind, text: str) -> str:
    """Texts that PostgreSQL takes for the same key have the same result."""
    if kind.sql == "char(6)":
        return text.rstrip(" ")
    if kind.sql in ("inet", "cidr"):
        return text.removesuffix("/32").removesuffix("/128")
    if kind.sql.startswith(("numeric", "bit", "smallint", "integer", "bigint")):
        return normal.number(text)
    if kind.sql.startswith("timestamp"):
        return str(normal.instant(text))
    if kind.sql.startswith("time"):
        return text.rstrip("0").rstrip(".") if "." in text else text
    if kind.sql == "real":
        return str(struct.unpack("f", struct.pack("f", float(text)))[0] + 0.0)
    if kind.sql == "double precision":
        return str(float(text) + 0.0)
    if kind.sql == "citext":
        return text.lower()
    return text


def _keys(rng: random.Random, columns: list[Column], n: int) -> list[tuple[Value, ...]]:
    """Up to n distinct keys."""
    found: dict[tuple[str, ...], tuple[Value, ...]] = {}
    for _ in range(n * 3):
        drawn = [column.kind.draw(rng) for column in columns]
        if len(found) < n:
            found.setdefault(tuple(_same_key(c.kind, t) for c, t in zip(columns, drawn, strict=True)), tuple(Value(t) for t in drawn))
    return list(found.values())


class Maker:
    """Tables of one seed."""

    def __init__(self, rng: random.Random, used: list[Kind]) -> None:
        self._rng, self._used = rng, used
        self._keys = [kind for kind in used if kind.key] or list(kinds.KEYS)
        self._pending: list[Kind] = []

    def _kind(self) -> Kind:
        """Every type comes before any comes again."""
        if not self._pending:
            self._pending = list(self._used)
            self._rng.shuffle(self._pending)
        return self._pending.pop()

    def _names(self, n: int) -> list[str]:
        """Distinct names, also for Avro (exclusion avro_names) and in lower case (exclusion names_by_case)."""
        rng, found, taken = self._rng, [], set()
        while len(found) < n:
            name = rng.choice(_NAMES) if rng.random() < 0.5 else f"c{len(found)}"
            if avro_name(name).lower() not in taken:
                taken.add(avro_name(name).lower())
                found.append(name)
        return found

    def _column(self, name: str, kind: Kind, avro: bool) -> Column:
        rng = self._rng
        required = rng.random() < 0.4
        policy = rng.choice((normal.REJECT, normal.CLAMP, normal.REJECT if required else normal.NULL)) \
            if kind.any_draw is not None else normal.REJECT
        default = kind.draw(rng) if rng.random() < 0.2 else None
        return Column(name, kind, required, default, policy, long_share=0.3 if kind.long and rng.random() < 0.6 else 0.0,
                      nulls=default is None or not avro)

    def table(self, number: int) -> Table:
        """The table of that number."""
        rng = self._rng
        key_kind = rng.choices(("primary", "unique", "none"), (84, 10, 6))[0]
        n_key = 0 if key_kind == "none" else rng.choices((1, 2, 3), (6, 3, 1))[0]
        n = n_key + rng.randint(1, 12)
        avro = rng.random() < 0.9
        names = self._names(n)
        columns = [self._column(name, self._kind(), avro) for name in names]
        key = tuple(sorted(rng.sample(range(n), n_key), key=lambda _: rng.random()))
        for i in key:
            # ClickHouse 26.7 shows these without quotes in a sorting key, where they are constants (copy_tables() needs it).
            if names[i].lower() in ("null", "nan", "inf"):
                names[i] = f"k{i}"
            if key_kind == "unique" and '"' in names[i]:  # exclusion index_quote
                names[i] = f"k{i}"
            columns[i] = Column(names[i], rng.choice(self._keys), required=True)
        busy = 10 if rng.random() < 0.03 else 1
        keys = _keys(rng, [columns[i] for i in key], 25 * busy)
        while key and len(keys) < 12:  # booleans and enums alone give too few
            columns[key[0]] = Column(names[key[0]], rng.choice(self._keys), required=True)
            keys = _keys(rng, [columns[i] for i in key], 25 * busy)
        if key_kind == "primary":
            identity = rng.choices(("DEFAULT", "FULL", "NOTHING"), (75, 20, 5))[0]
        else:
            identity = rng.choice(("INDEX", "FULL")) if key_kind == "unique" else rng.choice(("DEFAULT", "FULL", "NOTHING"))
        name = (rng.choice(_NAMES) if rng.random() < 0.4 else "t")[:50] + f" {number}"
        if rng.random() < 0.6:
            name = f"t{number}"
        return Table(name, columns, key, key_kind, identity, keys, avro, busy)


def every_type(kind_list: list[Kind], name: str, required: bool, identity: str) -> Table:
    """A table with an integer key and a column for each of these types."""
    columns = [Column("id", next(k for k in kinds.KEYS if k.sql == "integer"), required=True)]
    for i, kind in enumerate(kind_list):
        columns.append(Column(f"c{i}", kind, required, long_share=0.3 if kind.long else 0.0))
    return Table(name, columns, (0,), "primary", identity, [(Value(str(n)),) for n in (-2**31, -1, 0, 2**31 - 1, *range(1, 40))])


def draw_tables(rng: random.Random, n: int, used: list[Kind]) -> list[Table]:
    """n tables of these types: first those that hold every type, then random ones."""
    found, step = [], 40
    for required in (False, True):
        for at in range(0, len(used), step):
            identity = "FULL" if required else "DEFAULT"
            found.append(every_type(used[at:at + step], f"every{len(found)}", required, identity))
    maker = Maker(rng, used)
    return found + [maker.table(number) for number in range(len(found), n)]

