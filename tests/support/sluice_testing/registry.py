"""A schema registry that does what it is told, and Avro written by hand."""

from __future__ import annotations

import json
import ssl
import struct
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3


class FakeRegistry:
    """Answers from `schemas`, else asks `upstream`; `refusals` are answered first, one status per request, and each of
    `delays` (seconds) holds up one request. With `tls` it speaks https."""

    def __init__(self, upstream: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.upstream = upstream
        self.schemas: dict[str, dict[str, Any]] = {}  # by path
        self.refusals: list[int] = []
        self.delays: list[float] = []
        self.requests: list[tuple[str, str]] = []  # path, Authorization
        registry = self

        class Handler(BaseHTTPRequestHandler):
            """One GET."""

            def do_GET(self) -> None:  # noqa: N802
                """The answer."""
                registry.requests.append((self.path, self.headers.get("Authorization", "")))
                if registry.delays:
                    time.sleep(registry.delays.pop(0))
                status, body = registry.answer(self.path)
                with suppress(ConnectionError):  # who asked may have lost patience
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:  # the handshake is the connection's thread's business
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def answer(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        if self.refusals:
            return self.refusals.pop(0), b'{"error_code":1,"message":"told to refuse"}'
        if path in self.schemas:
            return 200, json.dumps(self.schemas[path]).encode()
        if self.upstream:
            answer = urllib3.request("GET", self.upstream + path, timeout=30, retries=False)
            return answer.status, answer.data
        return 404, b'{"error_code":40403,"message":"Schema not found"}'

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def fake_registry(upstream: str = "", tls: ssl.SSLContext | None = None) -> Iterator[FakeRegistry]:
    """One for a test."""
    registry = FakeRegistry(upstream, tls)
    try:
        yield registry
    finally:
        registry.close()


def framed(schema_id: int, payload: bytes) -> bytes:
    """Confluent's frame in front of the data."""
    return b"\0" + struct.pack(">I", schema_id) + payload


def guid_header(guid: uuid.UUID) -> bytes:
    """The value of the header __key_schema_id or __value_schema_id."""
    return b"\1" + guid.bytes


def _long(number: int) -> bytes:
    left = (number << 1) ^ (number >> 63)
    out = bytearray()
    while left >= 0x80:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*out, left])


def _text(text: str) -> bytes:
    return _long(len(text.encode())) + text.encode()


KEY_SCHEMA = {"type": "record", "name": "Key", "namespace": "made.public.t",
              "fields": [{"name": "id", "type": "int"}]}


def value_schema(name_type: Any = "string") -> dict[str, Any]:
    """Rows of `id int primary key, name text`."""
    row = {"type": "record", "name": "Value", "fields": [{"name": "id", "type": "int"},
                                                         {"name": "name", "type": ["null", name_type]}]}
    source = {"type": "record", "name": "Source", "namespace": "io.debezium.connector.postgresql",
              "fields": [{"name": n, "type": t} for n, t in (
                  ("connector", "string"), ("name", "string"), ("db", "string"), ("schema", "string"),
                  ("table", "string"), ("sequence", "string"), ("lsn", "long"), ("ts_us", "long"))]}
    return {"type": "record", "name": "Envelope", "namespace": "made.public.t",
            "fields": [{"name": "before", "type": ["null", row]}, {"name": "after", "type": ["null", "Value"]},
                       {"name": "source", "type": source}, {"name": "op", "type": "string"}]}


def avro_key(row_id: int) -> bytes:
    """A key of KEY_SCHEMA."""
    return _long(row_id)


def avro_insert(prefix: str, table: str, row_id: int, name: str | None, lsn: int) -> bytes:
    """An insert of value_schema()."""
    row = _long(row_id) + (_long(0) if name is None else _long(1) + _text(name))
    source = b"".join([_text("postgresql"), _text(prefix), _text("made"), _text("public"), _text(table),
                       _text(f'["{lsn - 8}","{lsn}"]'), _long(lsn), _long(1760000000000000 + lsn)])
    return _long(0) + _long(1) + row + source + _text("c")
