"""The target as the tests look at it: one ClickHouse database, over HTTP."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import urllib3

_HTTP = urllib3.PoolManager(num_pools=4, maxsize=8, retries=False, timeout=urllib3.Timeout(60))


class ClickHouseError(OSError):
    """An answer that is no 200; OSError, so that a wait takes it for "not yet"."""


class ClickHouse:
    """Queries on one database."""

    def __init__(self, url: str, database: str) -> None:
        self.url = url
        self.database = database

    def execute(self, sql: str, **settings: str | int) -> str:
        """The text of the answer."""
        fields = {"database": self.database, **{key: str(value) for key, value in settings.items()}}
        try:
            answer = _HTTP.request("POST", f"{self.url}/?{urlencode(fields)}", body=sql.encode())
        except urllib3.exceptions.HTTPError as error:
            raise ClickHouseError(f"ClickHouse at {self.url}: {error}") from error
        text = answer.data.decode(errors="replace")
        if answer.status != 200:
            raise ClickHouseError(f"ClickHouse answers {answer.status}: {text.strip()}")
        return text

    def fault(self, kind: str, **options: str | int) -> None:
        """Lets clickhouse-embedded misbehave at inserts, or at what `match` says; options as its --help tells them."""
        fields = {"kind": kind, **options}
        answer = _HTTP.request("POST", f"{self.url}/_fault?{urlencode(fields)}")
        if answer.status != 200:
            raise ClickHouseError(f"/_fault answers {answer.status}: {answer.data.decode(errors='replace')}")

    def fault_hits(self, match: str | None = None) -> int:
        """How many statements the faults (those with this `match`) have hit since they were last cleared."""
        answer = _HTTP.request("GET", f"{self.url}/_fault")
        return sum(fault["hits"] for fault in json.loads(answer.data)["faults"] if match in (None, fault["match"]))

    def clear_faults(self) -> None:
        """Ends all misbehaviour."""
        _HTTP.request("DELETE", f"{self.url}/_fault")

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows as objects; 64-bit and larger integers and decimals stay exact."""
        text = self.execute(f"{sql} FORMAT JSONEachRow", output_format_json_quote_64bit_integers=0,
                            output_format_json_quote_decimals=1)
        return [json.loads(line) for line in text.splitlines()]

    def values(self, sql: str) -> list[Any]:
        """The first column of every row."""
        return [next(iter(row.values())) for row in self.rows(sql)]

    def value(self, sql: str) -> Any:
        """The only value of a one-row answer."""
        return self.values(sql)[0]

    def has_table(self, table: str) -> bool:
        """True if the table exists."""
        return bool(self.values(f"SELECT name FROM system.tables WHERE database = '{self.database}' "
                                f"AND name = '{table}'"))

    def final(self, table: str, columns: str = "*") -> list[dict[str, Any]]:
        """The living rows of a table; `columns` may be a list of expressions."""
        return self.rows(f"SELECT {columns} FROM `{table}` FINAL ORDER BY ALL")

    def count(self, table: str) -> int:
        """How many living rows; 0 if there is no such table yet."""
        if not self.has_table(table):
            return 0
        return int(self.value(f"SELECT count() FROM `{table}` FINAL"))
