"""clickhouse-embedded speaks ClickHouse's HTTP interface: checked with curl, bare sockets and clickhouse-connect."""

from __future__ import annotations

import gzip
import json
import re
import signal
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clickhouse_connect
import lz4.frame
import pytest
from backports import zstd
from clickhouse_connect.driver.exceptions import DatabaseError
from sluice_stack import Stack, layout

from test_clickhouse_embedded_support import HOST, Answer, Server, rows_with_names_and_types, wait_for

TABLE = "(a UInt64, b String) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that do not break it."""
    made = Server(tmp_path_factory.mktemp("embedded"), "--faults")
    yield made
    assert made.stop() == 0


@pytest.fixture
def table(server: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty table (a UInt64, b String) of this test alone."""
    name = re.sub(r"\W+", "_", request.node.name)
    server.run(f"CREATE TABLE {name} {TABLE}")
    yield name
    server.fault("DELETE")
    server.run(f"DROP TABLE {name}")


def content(server: Server, table: str) -> str:
    """The rows of a table, a line each."""
    return server.run(f"SELECT * FROM {table} ORDER BY ALL FORMAT CSV")


# --- the interface


def test_ping_and_unknown_paths(server: Server) -> None:
    """Health checks answer without a statement."""
    for path in ("/ping", "/replicas_status", "/"):
        answer = server.curl(path=path)
        assert (answer.status, answer.text) == (200, "Ok.\n")
    assert server.curl(path="/nothing").status == 404


def test_headers_of_an_answer(server: Server) -> None:
    """Every header that a sink reads is there, the summary's values are strings."""
    answer = server.curl(query="SELECT number FROM numbers(10)", query_id="my-id")
    assert answer.status == 200
    assert answer.headers["x-clickhouse-query-id"] == "my-id"
    assert answer.headers["x-clickhouse-timezone"] == server.run("SELECT timezone()")
    assert answer.headers["x-clickhouse-server-display-name"]
    assert answer.headers["x-clickhouse-format"] == "TabSeparated"
    assert re.fullmatch("[a-z]{16}", answer.headers["x-clickhouse-exception-tag"])
    assert re.fullmatch(r"timeout=\d+, max=\d+", answer.headers["keep-alive"])
    summary = json.loads(answer.headers["x-clickhouse-summary"])
    assert (summary["read_rows"], summary["result_rows"]) == ("10", "10")
    assert all(isinstance(value, str) for value in summary.values())
    assert "x-clickhouse-exception-code" not in answer.headers
    assert len(server.curl(query="SELECT 1").headers["x-clickhouse-query-id"]) == 36


def test_formats_of_an_answer(server: Server) -> None:
    """FORMAT in the statement, then the header, then the parameter, then TabSeparated."""
    def answer(sql: str, *arguments: str, **parameters: str) -> tuple[str, str]:
        got = server.curl(*arguments, query=sql, **parameters)
        return got.headers["x-clickhouse-format"], got.text

    header = ("-H", "X-ClickHouse-Format: JSONEachRow")
    assert answer("SELECT 1 AS x, 'a'") == ("TabSeparated", "1\ta\n")
    assert answer("SELECT 1 AS x", default_format="CSVWithNames") == ("CSVWithNames", '"x"\n1\n')
    assert answer("SELECT 1 AS x", *header, default_format="CSV") == ("JSONEachRow", '{"x":1}\n')
    assert answer("SELECT 1 AS x FORMAT Values", *header) == ("Values", "(1)")
    assert answer("SELECT 1 AS x FORMAT CSV SETTINGS max_threads = 1") == ("CSV", "1\n")
    binary = server.curl(query="SELECT toUInt32(258), 'x' FORMAT RowBinary")
    assert binary.body == b"\x02\x01\x00\x00\x01x"
    assert server.curl(query="SELECT 1 FORMAT Nothing").code == 73


def test_statement_in_url_body_and_both(server: Server) -> None:
    """URL query, line end and body are one text."""
    assert server.curl(query="SELECT 1 + 1").text == "2\n"
    assert server.run("SELECT 1 + 1") == "2"
    assert server.curl(body=b"FROM numbers(3)", query="SELECT count()").text == "3\n"
    assert server.curl(body=b"+ 1", query="SELECT 1 -- a comment that ends with the URL").text == "2\n"
    assert server.post("").code == 62


def test_get_only_reads(server: Server, table: str) -> None:
    """GET refuses whatever writes, with code 164, and takes what reads."""
    for sql in (f"INSERT INTO {table} VALUES (1, 'x')", f"INSERT INTO {table} FORMAT CSV\n1,x", f"DROP TABLE {table}",
                f"INSERT INTO {table} SELECT 1, 'x'", f"ALTER TABLE {table} DELETE WHERE 1", "CREATE DATABASE other"):
        answer = server.curl(query=sql)
        assert (answer.status, answer.code) == (500, 164), sql
    for sql in (f"SELECT count() FROM {table}", f"WITH 1 AS x SELECT count() - x + 1 FROM {table}",
                f"SELECT 0 FROM system.one UNION ALL SELECT a FROM {table}"):
        assert server.curl(query=sql).text == "0\n", sql
    assert "PARTITION" not in server.curl(query=f"SHOW CREATE TABLE {table}").text


@pytest.mark.parametrize(("sql", "code", "status"), [
    ("SELECT * FROM absent", 60, 404),
    ("SELECT absent", 47, 404),
    ("SELEC 1", 62, 400),
    ("SELECT 1; SELECT 2", 62, 400),
    ("SELECT throwIf(1)", 395, 500),
    ("SELECT * FROM absent.absent", 81, 404),
    ("INSERT INTO absent FORMAT CSV\n1", 60, 404),
    ("INSERT INTO system.one SELECT a FROM input('a UInt8') FORMAT CSV\n1", 48, 501),
])
def test_codes_and_statuses(server: Server, sql: str, code: int, status: int) -> None:
    """The exception's code is in a header, its text is the body."""
    answer = server.post(sql)
    assert (answer.code, answer.status) == (code, status)
    assert re.fullmatch(rf"Code: {code}\. DB::Exception: .* \([A-Z_]+\) \(version [0-9.]+\)\n", answer.text, re.DOTALL)


def test_semicolons(server: Server) -> None:
    """One at the end is no second statement, nor is one in quotes."""
    assert server.run("SELECT 1;") == "1"
    assert server.run("SELECT ';' -- ; and in a comment ;\n;;") == ";"


# --- settings, database, parameters


def test_settings_belong_to_one_statement(tmp_path: Path) -> None:
    """With a single engine connection: each statement has the settings of its URL, and none of another's."""
    one = Server(tmp_path, "--threads", "1")
    changed = "SELECT name, value FROM system.settings WHERE changed ORDER BY name FORMAT CSV"
    before = one.run(changed)
    seen = one.run(changed, max_insert_block_size=17, insert_deduplication_token="it's \\ a token")
    assert '"max_insert_block_size","17"' in seen and "\"insert_deduplication_token\",\"it's \\ a token\"" in seen
    assert one.run(changed) == before
    assert one.run("SELECT getSetting('max_threads')", max_threads=3, readonly=1) == "3"
    assert one.run(changed) == before
    for sql in ("SET max_threads = 3", "USE system"):
        assert one.run(sql) == ""
    assert one.run("CREATE TEMPORARY TABLE gone (a UInt8)") == ""
    assert one.run(changed) == before
    assert one.run("SELECT currentDatabase()") == "default"
    assert one.post("SELECT * FROM gone").code == 60
    answer = one.post("SELECT 1", no_such_setting=1, max_threads=3)
    assert (answer.status, answer.code) == (404, 115)
    assert one.post("SELECT 1", max_threads="many").code in (6, 27, 72)
    assert one.post("SELECT 1", **{"a=1, b": "1"}).code == 115
    # An alias: the default of the one must not undo the value of the other.
    one.run("SELECT 1", max_insert_block_size_rows=5)
    assert one.run("SELECT getSetting('max_insert_block_size')", max_insert_block_size=6) == "6"
    assert one.run(changed) == before
    assert one.stop() == 0


def test_settings_reach_inserts(server: Server, table: str) -> None:
    """Settings of the format, of the engine, and the sink's whole list."""
    row = b'{"a": 1, "b": "x", "c": 3}\n'
    sql = f"INSERT INTO {table} FORMAT JSONEachRow"
    assert server.insert(sql, row, input_format_skip_unknown_fields=0).code == 117
    assert content(server, table) == ""
    settings = {
        "async_insert": 0, "wait_for_async_insert": 1, "deduplicate_insert": "enable", "insert_deduplication_token": "t",
        "deduplicate_blocks_in_dependent_materialized_views": 1, "input_format_skip_unknown_fields": 1,
        "input_format_parallel_parsing": 0, "max_insert_block_size": 1048449, "min_insert_block_size_rows": 1048449,
        "min_insert_block_size_bytes": 268402944, "max_insert_block_size_bytes": 0, "use_strict_insert_block_limits": 0,
        "input_format_max_block_size_bytes": 0, "input_format_max_block_wait_ms": 0, "optimize_on_insert": 1,
        "input_format_connection_handling": 0, "max_insert_threads": 1, "max_partitions_per_insert_block": 100,
        "keeper_map_strict_mode": 1, "insert_keeper_max_retries": 0, "log_comment": "sluice", "wait_end_of_query": 1,
    }
    assert server.insert(sql, row, **settings).status == 200
    assert content(server, table) == '1,"x"'


def test_reserved_parameters_are_no_settings(server: Server) -> None:
    """They are taken; what cannot be honoured is refused by name."""
    accepted = {"user": "default", "password": "secret", "quota_key": "q", "stacktrace": 0, "role": "r", "buffer_size": 1,
                "wait_end_of_query": 1, "session_id": "s", "session_timeout": 60, "client_protocol_version": 54405,
                "compress": 0, "decompress": 0}
    assert server.run("SELECT 1", **accepted) == "1"
    for headers in (("-u", "sluice:secret"), ("-H", "X-ClickHouse-User: u", "-H", "X-ClickHouse-Key: k")):
        assert server.curl(*headers, query="SELECT 1").text == "1\n"
    for sql in ("SET max_threads = 1", "USE system", "CREATE TEMPORARY TABLE t (a UInt8)"):
        answer = server.post(sql, session_id="s")
        assert (answer.status, answer.code) == (501, 48) and "Sessions are not supported" in answer.text
    assert server.post("SELECT 1", session_id="s", session_check=1).code == 372
    assert server.post("SELECT 1", compress=1).code == 48


def test_database(server: Server) -> None:
    """Parameter, then header; an unknown one is code 81; databases are Atomic."""
    server.run("CREATE DATABASE shop")
    server.run(f"CREATE TABLE orders {TABLE}", database="shop")
    header = ("-H", "X-ClickHouse-Database: shop")
    assert server.insert("INSERT INTO orders FORMAT CSV", b"1,x\n", *header, database="default").status == 200
    assert server.run("SELECT * FROM shop.orders") == "1\tx"
    assert server.run("SELECT currentDatabase()", database="shop") == "shop"
    assert server.run("SELECT currentDatabase()") == "default"
    answer = server.post("SELECT 1", database="absent`; --")
    assert (answer.status, answer.code) == (404, 81)
    assert server.run("SELECT engine FROM system.databases WHERE name = 'shop'") == "Atomic"
    server.run("DROP DATABASE shop")


def test_query_parameters(server: Server, table: str) -> None:
    """{name:Type} from param_name, in tab-escaped text."""
    assert server.run("SELECT {n:UInt32} + 1, {s:String}", param_n=41, param_s="a\\tb") == "42\ta\\tb"
    assert server.post("SELECT {n:UInt32}", param_n="x").code == 457
    assert server.post("SELECT {n:UInt32}").code == 456
    server.run(f"INSERT INTO {table} VALUES ({{a:UInt64}}, {{b:String}})", param_a=7, param_b="seven")
    server.run(f"INSERT INTO {table} FORMAT Values ({{a:UInt64}}, 'eight')", param_a=8)
    assert server.insert("INSERT INTO {t:Identifier} FORMAT CSV", b"9,nine\n", param_t=table).status == 200
    assert content(server, table) == '7,"seven"\n8,"eight"\n9,"nine"'


def test_same_query_id_twice(server: Server) -> None:
    """While a query runs, its id is taken."""
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(server.post, "SELECT sleep(1)", query_id="twice")
        wait_for(lambda: server.run("SELECT count() FROM system.processes WHERE query = 'SELECT sleep(1)'") == "1")
        refused = server.post("SELECT 1", query_id="twice")
        assert (refused.status, refused.code) == (500, 216)
        assert slow.result().status == 200
    assert server.run("SELECT 1", query_id="twice") == "1"


# --- inserts


@pytest.mark.parametrize("sql", [
    "INSERT INTO {t} FORMAT CSV\n1,x\n",
    "insert into {t} (a, b) format CSV\r\n1,x\n",
    "INSERT INTO {t} FORMAT CSV 1,x",
    "  /* INSERT /* nested */ FORMAT */ INSERT -- FORMAT TSV\n INTO TABLE `{t}` (`a`, \"b\") FORMAT CSV\n1,x",
    "INSERT INTO default.{t} SETTINGS log_comment = 'FORMAT TSV ''x\\'', async_insert = 0 FORMAT CSV\n1,x",
    "INSERT INTO {t} (* EXCEPT (b), b) FORMAT JSONEachRow {{\"a\": 1, \"b\": \"x\"}}",
    "INSERT INTO {t} FORMAT Values (0 + 1, concat('', 'x'))",
    "INSERT INTO {t} VALUES (0 + 1, 'x')",
    "INSERT INTO {t} SELECT 1, 'x'",
    "INSERT INTO {t} WITH 1 AS one SELECT one, 'x'",
    "INSERT INTO FUNCTION remote('127.0.0.1', default, {t}) SELECT 1, 'x'",
])
def test_forms_of_insert(server: Server, table: str, sql: str) -> None:
    """Where the data begins is seen behind quotes, comments and clauses, with the text in the URL or in the body."""
    if "remote" in sql:
        sql = sql.replace("remote('127.0.0.1', default, ", "null('a UInt64, b String'").replace("{t})", ")")
        assert server.run(sql.format(t=table)) == ""
        return
    text = sql.format(t=table)
    assert server.run(text) == ""
    assert content(server, table) == '1,"x"'
    head, *data = re.split(r"(?i)(?<=format csv)", text)
    if data:
        assert server.insert(head, data[0].lstrip().encode(), insert_deduplication_token="again").status == 200
        assert content(server, table) == '1,"x"\n1,"x"'


def test_table_called_format(server: Server) -> None:
    """A name that looks like a keyword is a name behind INTO."""
    server.run("CREATE TABLE format (a UInt64, values String) ENGINE = MergeTree ORDER BY a")
    assert server.insert("INSERT INTO format (a, values) FORMAT CSV", b"1,x\n").status == 200
    assert server.run("SELECT * FROM format FORMAT CSV") == '1,"x"'
    server.run("DROP TABLE format")


def test_data_after_the_line_end_is_binary(server: Server, table: str) -> None:
    """Exactly one line end belongs to the statement; the next byte is data, whatever it looks like."""
    rows = struct.pack("<QB", 0x0A0A0A0A0A0A0A0A, 1) + b"\n" + struct.pack("<QB", 5, 2) + b"\0;"
    assert server.curl(body=f"INSERT INTO {table} FORMAT RowBinary\n".encode() + rows).status == 200
    assert server.insert(f"INSERT INTO {table} FORMAT RowBinary", rows, insert_deduplication_token="2").status == 200
    assert server.run(f"SELECT a, hex(b), count() FROM {table} GROUP BY ALL ORDER BY a") == (
        "5\t003B\t2\n723401728380766730\t0A\t2")


def test_insert_answer(server: Server, table: str) -> None:
    """Empty body, rows in the summary, nothing without rows; a bad row is refused with nothing stored."""
    answer = server.insert(f"INSERT INTO {table} FORMAT CSV", b"1,x\n2,y\n")
    assert (answer.status, answer.body) == (200, b"")
    assert json.loads(answer.headers["x-clickhouse-summary"])["written_rows"] == "2"
    assert server.insert(f"INSERT INTO {table} FORMAT CSV", b"").status == 200
    answer = server.insert(f"INSERT INTO {table} FORMAT CSV", b"3,x\nthree,y\n")
    assert (answer.status, answer.code) == (400, 27)
    assert server.insert(f"INSERT INTO {table} (a, c) FORMAT CSV", b"3,x\n").code == 16
    assert server.insert(f"INSERT INTO {table} FORMAT Nothing", b"3,x\n").code == 73
    assert server.post(f"INSERT INTO {table}").code != 0
    assert content(server, table) == '1,"x"\n2,"y"'


def test_error_in_the_middle_of_a_large_body(server: Server, table: str) -> None:
    """The rest of the body is read, the connection lives on, and nothing of the block is stored."""
    body = b"".join(b"%d,%s\n" % (n, b"x" * 90) for n in range(100_000)) + b"bad,row\n" + b"1,x\n" * 500_000
    answer = server.insert(f"INSERT INTO {table} FORMAT CSV", body)
    assert (answer.status, answer.code) == (400, 27)
    assert content(server, table) == ""


def test_deduplication_token(server: Server, table: str) -> None:
    """The token decides, not the rows; another token stores them."""
    sql = f"INSERT INTO {table} FORMAT CSV"
    for token, rows in (("one", b"1,x\n"), ("one", b"1,x\n"), ("one", b"2,y\n"), ("two", b"2,y\n")):
        assert server.insert(sql, rows, insert_deduplication_token=token, async_insert=0).status == 200
    assert server.run(f"INSERT INTO {table} VALUES (3, 'z')", insert_deduplication_token="two", async_insert=0) == ""
    assert content(server, table) == '1,"x"\n2,"y"'


def test_replacing_merge_tree(server: Server) -> None:
    """UInt128 versions, deletes, FINAL; optimize_on_insert keeps the winner of a block alone."""
    server.run("CREATE TABLE shop (id UInt64, v String, _version UInt128, is_deleted UInt8) "
               "ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY id")
    columns = [("id", "UInt64"), ("v", "String"), ("_version", "UInt128"), ("is_deleted", "UInt8")]

    def rows(*values: tuple[int, str, int, int]) -> bytes:
        return rows_with_names_and_types(columns, b"".join(
            struct.pack("<QB", key, len(text)) + text.encode() + version.to_bytes(16, "little") + bytes([deleted])
            for key, text, version, deleted in values))

    sql = "INSERT INTO shop (id, v, _version, is_deleted) FORMAT RowBinaryWithNamesAndTypes"
    for batch in (rows((1, "old", 2**100, 0), (2, "two", 5, 0)), rows((1, "stale", 2**99, 0), (2, "", 6, 1))):
        assert server.insert(sql, batch, optimize_on_insert=1).status == 200
    assert server.run("SELECT id, v FROM shop FINAL ORDER BY id FORMAT CSV") == '1,"old"'
    assert server.insert(sql, rows(*((3, str(n), n, 0) for n in range(10))), optimize_on_insert=1).status == 200
    assert server.run("SELECT v FROM shop WHERE id = 3") == "9"
    server.run("OPTIMIZE TABLE shop FINAL")
    assert server.run("SELECT count(), countIf(is_deleted = 1) FROM shop") == "3\t1"
    wrong = rows_with_names_and_types([("id", "UInt32"), *columns[1:]], b"")
    assert server.insert(sql, wrong + b"\0", input_format_with_types_use_header=1).code != 0
    server.run("DROP TABLE shop")


def test_parallel_inserts(server: Server, table: str) -> None:
    """More requests than engine connections, each on its own keep-alive connection, each with its own token."""
    columns = [("a", "UInt64"), ("b", "String")]
    sql = f"INSERT INTO {table} (a, b) FORMAT RowBinaryWithNamesAndTypes"

    def send(worker: int) -> None:
        client = clickhouse_connect.get_client(host=HOST, port=server.port)
        for batch in range(10):
            first = (worker * 10 + batch) * 1000
            rows = b"".join(struct.pack("<QB", first + n, 1) + b"x" for n in range(1000))
            for _ in range(2):  # the second is dropped as a duplicate
                client.raw_insert(insert_block=rows_with_names_and_types(columns, rows), table=sql.split()[2],
                                  column_names=["a", "b"], fmt="RowBinaryWithNamesAndTypes",
                                  settings={"insert_deduplication_token": f"{worker}-{batch}", "async_insert": 0})

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(send, range(12)))
    assert server.run(f"SELECT count(), uniqExact(a), max(a) FROM {table}") == "120000\t120000\t119999"


def test_parallel_statements_keep_their_answers(server: Server) -> None:
    """Answers and errors do not get mixed up between connections."""
    def ask(number: int) -> None:
        client = clickhouse_connect.get_client(host=HOST, port=server.port)
        for n in range(20):
            value = number * 1000 + n
            got = client.query(f"SELECT {value} + number AS x FROM numbers(100)", settings={"max_threads": 1 + n % 2})
            assert [row[0] for row in got.result_rows] == list(range(value, value + 100))
            with pytest.raises(DatabaseError, match=f"absent_{value}"):
                client.query(f"SELECT * FROM absent_{value}")

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(ask, range(12)))


def test_memory_stays_bounded(server: Server) -> None:
    """A body far larger than the server's memory for it passes through."""
    server.run("CREATE TABLE hole (a UInt64) ENGINE = Null")
    before = server.resident_mib()
    peak = []
    with subprocess.Popen(["curl", "-sS", "-T", "-", "-X", "POST", "-w", "%{http_code}", server.url(
            query="INSERT INTO hole FORMAT RowBinary", max_insert_block_size=65536, min_insert_block_size_rows=0,
            min_insert_block_size_bytes=0)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as curl:
        assert curl.stdin is not None and curl.stdout is not None
        for _ in range(100):
            curl.stdin.write(bytes(4 << 20))
            peak.append(server.resident_mib())
        curl.stdin.close()
        assert curl.stdout.read() == b"200"
    server.run("DROP TABLE hole")
    assert max(peak) - before < 150, (before, max(peak))


# --- bodies: compressed, chunked, cut


def chunked(body: bytes, size: int = 7, last: bool = True) -> bytes:
    """HTTP chunks, small ones."""
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if last else b"")


def request_head(server: Server, header: str, **parameters: object) -> bytes:
    """The head of a POST written by hand."""
    target = server.url(**parameters).partition(str(server.port))[2]
    return f"POST {target} HTTP/1.1\r\nHost: {HOST}\r\n{header}\r\nConnection: close\r\n\r\n".encode()


COMPRESSORS = {
    "gzip": lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:]),
    "deflate": zlib.compress,
    "lz4": lambda data: lz4.frame.compress(data[:50]) + lz4.frame.compress(data[50:]),
    "zstd": lambda data: zstd.compress(data[:50]) + zstd.compress(data[50:]),
}


@pytest.mark.parametrize("encoding", COMPRESSORS)
def test_content_encoding(server: Server, table: str, encoding: str) -> None:
    """Rows alone, or with the statement before them; whole, in tiny chunks, and in several frames."""
    sql = f"INSERT INTO {table} FORMAT CSV"
    rows = b"".join(b"%d,%s\n" % (n, b"x" * 10) for n in range(1000))
    header = ("-H", f"Content-Encoding: {encoding}")
    assert server.insert(sql, COMPRESSORS[encoding](rows), *header, insert_deduplication_token="1").status == 200
    whole = COMPRESSORS[encoding](sql.encode() + b"\n" + rows)
    assert server.curl(*header, body=whole, insert_deduplication_token="2").status == 200
    head = request_head(server, f"Content-Encoding: {encoding}\r\nTransfer-Encoding: chunked", query=sql,
                        insert_deduplication_token="3")
    assert server.raw(head + chunked(COMPRESSORS[encoding](rows), 3), half_close=True).startswith(b"HTTP/1.1 200")
    assert server.run(f"SELECT count(), uniqExact(a) FROM {table}") == "3000\t1000"
    assert server.curl(*header, body=COMPRESSORS[encoding](b"SELECT 1")).text == "1\n"


@pytest.mark.parametrize(("encoding", "cut_code", "broken_codes"), [
    ("gzip", 3, {354}), ("deflate", 3, {354}), ("lz4", 3, {618}), ("zstd", 3, {561})])
def test_broken_content_encoding(server: Server, table: str, encoding: str, cut_code: int, broken_codes: set[int]) -> None:
    """A compressed stream that ends early or is damaged stores nothing."""
    rows = COMPRESSORS[encoding](b"".join(b"%d,%d\n" % (n, n * n) for n in range(1000)))
    sql, header = f"INSERT INTO {table} FORMAT CSV", ("-H", f"Content-Encoding: {encoding}")
    assert server.insert(sql, rows[:-5], *header).code == cut_code
    damaged = bytes(128) + rows
    assert server.insert(sql, damaged, *header).code in broken_codes
    assert content(server, table) == ""
    assert server.insert(sql, rows, "-H", "Content-Encoding: snappy").code == 48


def engine_frames(server: Server, codec: str, rows: int) -> tuple[bytes, str]:
    """The compressed frames of a column of random bytes as the engine itself wrote them, and the column's checksum."""
    server.run("DROP TABLE IF EXISTS written SYNC")
    server.run(f"CREATE TABLE written (a UInt8 CODEC({codec})) ENGINE = MergeTree ORDER BY tuple() SETTINGS "
               "min_bytes_for_wide_part = 0, min_rows_for_wide_part = 0, ratio_of_defaults_for_sparse_serialization = 1")
    server.run(f"INSERT INTO written SELECT rand() % 7 FROM numbers({rows})")
    folder = server.run("SELECT path FROM system.parts WHERE table = 'written' AND active")
    data = (server.folder / "data" / folder if not folder.startswith("/") else Path(folder)) / "a.bin"
    return data.read_bytes(), server.run("SELECT count(), sum(a), groupBitXor(cityHash64(a)) FROM written")


@pytest.mark.parametrize("codec", ["LZ4", "ZSTD(1)", "NONE"])
def test_native_frames_written_by_the_engine(server: Server, codec: str) -> None:
    """decompress=1 takes the engine's own frames: the same layout and the same checksum, one frame or several."""
    server.run("CREATE TABLE copied (a UInt8) ENGINE = MergeTree ORDER BY tuple()")
    checked = "SELECT count(), sum(a), groupBitXor(cityHash64(a)) FROM copied"
    for rows in (1, 3, 6, 7, 8, 14, 50, 118, 119, 120, 128, 200, 260, 300_000):
        frames, expected = engine_frames(server, codec, rows)
        assert server.insert("INSERT INTO copied FORMAT RowBinary", frames, decompress=1).status == 200, rows
        assert server.run(checked) == expected
        server.run("TRUNCATE TABLE copied")
    head = request_head(server, "Transfer-Encoding: chunked", query="INSERT INTO copied FORMAT RowBinary", decompress=1)
    assert server.raw(head + chunked(frames, 1001), half_close=True).startswith(b"HTTP/1.1 200")
    assert server.run(checked) == expected
    server.run("DROP TABLE copied")


def test_broken_native_frames(server: Server) -> None:
    """Damage, cuts, unknown and mixed methods: each its code, nothing stored."""
    server.run("CREATE TABLE copied (a UInt8) ENGINE = MergeTree ORDER BY tuple()")
    frame, _ = engine_frames(server, "LZ4", 300)
    other, _ = engine_frames(server, "NONE", 300)
    damaged = frame[:30] + bytes([frame[30] ^ 1]) + frame[31:]
    huge = frame[:17] + b"\xff\xff\xff\xff" + frame[21:]

    def code(body: bytes) -> int:
        return server.insert("INSERT INTO copied FORMAT RowBinary", body, decompress=1).code

    assert code(damaged) == 40
    assert code(frame + damaged) == 40
    assert code(frame[:-1]) == 33
    assert code(frame[:20]) == 33
    assert code(frame[:16] + b"\x77" + frame[17:]) == 89
    assert code(frame + other) == 271
    assert code(huge) == 39
    assert server.run("SELECT count() FROM copied") == "0"
    server.run("DROP TABLE copied")


@pytest.mark.parametrize("rows", [100, 200_000])
@pytest.mark.parametrize("half_close", [False, True])
def test_cut_bodies_store_nothing(server: Server, table: str, rows: int, half_close: bool) -> None:
    """No last chunk, or fewer bytes than Content-Length: nothing is stored, and the token stays free for the retry."""
    body = b"".join(b"%d,some text to make it longer\n" % n for n in range(rows))
    settings = {"query": f"INSERT INTO {table} FORMAT CSV", "insert_deduplication_token": "cut", "async_insert": 0}
    heads = {
        request_head(server, "Transfer-Encoding: chunked", **settings): chunked(body, 50_000, last=False),
        request_head(server, f"Content-Length: {len(body) + 1}", **settings): body,
        request_head(server, f"Content-Length: {len(body)}", **settings): body[:-30],
    }
    for head, sent in heads.items():
        answer = server.raw(head + sent, half_close)
        assert not answer.startswith(b"HTTP/1.1 200"), answer
    assert content(server, table) == ""
    answer = wait_for(lambda: (got := server.curl(body=body, **settings)).status == 200 and got)
    assert json.loads(answer.headers["x-clickhouse-summary"])["written_rows"] == str(rows)
    assert server.run(f"SELECT count() FROM {table}") == str(rows)


def test_many_cut_bodies(server: Server, table: str) -> None:
    """Cancelled inserts leave the engine's connections usable."""
    body = b"".join(b"%d,some text to make it longer\n" % n for n in range(60_000))
    head = request_head(server, f"Content-Length: {len(body)}", query=f"INSERT INTO {table} FORMAT CSV")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: server.raw(head + body[:len(body) * n // 41]), range(1, 41)))
    assert server.insert(f"INSERT INTO {table} FORMAT CSV", b"1,x\n").status == 200
    assert content(server, table) == '1,"x"'


# --- a foreign client


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_clickhouse_connect(server: Server, table: str, compress: str | bool) -> None:
    """ClickHouse's own Python client agrees that this is its protocol."""
    client = clickhouse_connect.get_client(host=HOST, port=server.port, compress=compress)
    rows = [[n, f"text {n}"] for n in range(5000)]
    summary = client.insert(table, rows, column_names=["a", "b"], settings={"insert_deduplication_token": "t"})
    assert summary.written_rows == 5000
    client.insert(table, rows[:10], column_names=["a", "b"], settings={"insert_deduplication_token": "t"})
    got = client.query(f"SELECT a, b FROM {table} WHERE a >= {{low:UInt64}} ORDER BY a", parameters={"low": 10})
    assert [list(row) for row in got.result_rows] == rows[10:]
    assert client.command(f"SELECT count() FROM {table}") == 5000
    assert client.server_version == server.run("SELECT version()")
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        client.query("SELECT * FROM absent")
    with pytest.raises(DatabaseError):
        client.insert("absent", rows, column_names=["a", "b"])
    client.command(f"INSERT INTO {table} VALUES", data=b"(99999, 'last')")
    with client.query_row_block_stream(f"SELECT a FROM {table} ORDER BY a DESC LIMIT 3") as stream:
        assert [row[0] for block in stream for row in block] == [99999, 4999, 4998]
    client.close()


# --- faults


def test_faults_delay(server: Server, table: str) -> None:
    """Late before or after the commit."""
    for when in ("before", "after"):
        assert server.fault(kind="delay", ms=700, when=when).status == 200
        with ThreadPoolExecutor() as pool:
            begun = time.monotonic()
            late = pool.submit(server.post, f"INSERT INTO {table} VALUES (1, '{when}')")
            wait_for(lambda: json.loads(server.fault("GET").text)["faults"][-1]["hits"] == 1)
            if when == "after":
                wait_for(lambda: "after" in content(server, table))
            else:
                assert "before" not in content(server, table)
            assert late.result().status == 200
            assert time.monotonic() - begun > 0.7
    assert content(server, table) == '1,"after"\n1,"before"'


@pytest.mark.parametrize("rows", [1, 100_000])
def test_faults_cut(server: Server, table: str, rows: int) -> None:
    """The connection closes without an answer, before or after the commit; the retry with the token settles it."""
    body = b"".join(b"%d,some text\n" % n for n in range(rows))
    for kind, stored in (("cut_before", 0), ("cut_after", rows)):
        server.fault(kind=kind)
        insert = {"sql": f"INSERT INTO {table} FORMAT CSV", "data": body}
        assert server.insert(**insert, insert_deduplication_token=kind, async_insert=0).status == 0
        assert server.run(f"SELECT count() FROM {table}") == str(stored)
        assert server.insert(**insert, insert_deduplication_token=kind, async_insert=0).status == 200
        assert server.run(f"SELECT count() FROM {table}") == str(rows)
        server.run(f"TRUNCATE TABLE {table}")


def test_faults_refuse(server: Server, table: str) -> None:
    """A chosen code for the next inserts, or for statements that contain a text; hits are counted."""
    sql = f"INSERT INTO {table} FORMAT CSV"
    server.fault(kind="refuse", code=252, text="Too many parts", count=2, skip=1)
    assert server.run("SELECT 1") == "1"
    assert server.insert(sql, b"1,x\n").status == 200
    for _ in range(2):
        answer = server.insert(sql, b"2,x\n")
        assert (answer.status, answer.code) == (500, 252)
        assert re.match(r"Code: 252\. DB::Exception: Too many parts\. \(TOO_MANY_PARTS\) \(version ", answer.text)
    assert server.insert(sql, b"3,x\n").status == 200
    server.fault(kind="refuse", code=194, match="system.tables")
    assert server.run("SELECT count() > 0 FROM system.databases") == "1"
    refused = server.post("SELECT count() FROM system.tables")
    assert (refused.status, refused.code) == (401, 194) and "REQUIRED_PASSWORD" in refused.text
    faults = json.loads(server.fault("GET").text)["faults"]
    assert [(fault["kind"], fault["left"], fault["hits"]) for fault in faults] == [("refuse", 0, 2), ("refuse", 0, 1)]
    server.fault("DELETE")
    assert json.loads(server.fault("GET").text) == {"faults": []}
    assert content(server, table) == '1,"x"\n3,"x"'


def test_faults_without_a_clickhouse_answer(server: Server, table: str) -> None:
    """200 with an exception code and no body; a proxy's 502 and 503."""
    sql = f"INSERT INTO {table} FORMAT CSV"
    server.fault(kind="status")
    trap = server.insert(sql, b"1,x\n")
    assert (trap.status, trap.code, trap.body) == (200, 209, b"")
    for status in (502, 503):
        server.fault(kind="proxy", status=status)
        answer = server.insert(sql, b"1,x\n")
        assert answer.status == status and not any(name.startswith("x-clickhouse") for name in answer.headers)
    assert content(server, table) == ""
    for wrong in ({"kind": "sulk"}, {}, {"kind": "refuse", "code": "x"}, {"kind": "delay", "ms": -1},
                  {"kind": "cut_after", "count": 0}, {"kind": "proxy", "status": 700}):
        assert server.fault(**wrong).status == 400, wrong


def test_no_faults_unless_asked_for(tmp_path: Path) -> None:
    """Without --faults the switch does not exist."""
    plain = Server(tmp_path)
    assert plain.fault(kind="refuse").status == 404
    assert plain.run("SELECT 1") == "1"
    assert plain.stop(signal.SIGINT) == 0


# --- the process


def test_command_line(tmp_path: Path, server: Server) -> None:
    """Help, wrong usage, a port that is taken."""
    program = layout.clickhouse_embedded()

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30, check=False)

    helped = run("--help")
    assert helped.returncode == 0 and "--listen" in helped.stdout
    for arguments in ((), ("--listen", "nowhere", "--path", tmp_path), ("--listen", "127.0.0.1:0"), ("--bogus",),
                      ("--listen", "127.0.0.1:0", "--path", tmp_path, "--threads", "0")):
        assert run(*arguments).returncode == 2, arguments
    taken = run("--listen", f"{HOST}:{server.port}", "--path", tmp_path / "data")
    assert taken.returncode == 1 and "in use" in taken.stderr


def test_sigterm_lets_a_statement_end(tmp_path: Path) -> None:
    """A running insert is answered before the process ends."""
    ending = Server(tmp_path)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(ending.post, "SELECT sleep(1)")
        wait_for(lambda: ending.run("SELECT count() FROM system.processes WHERE query = 'SELECT sleep(1)'") == "1")
        assert ending.stop() == 0
        assert slow.result().status == 200


def test_kill_9_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """Rows, tables, and the tokens that were used."""
    killed = Server(tmp_path)
    killed.run(f"CREATE TABLE kept {TABLE}")
    killed.run("CREATE DATABASE shop")
    acknowledged = []

    def send() -> None:
        for n in range(10_000):
            try:
                if killed.insert("INSERT INTO kept FORMAT CSV", b"%d,x\n" % n, insert_deduplication_token=str(n),
                                 async_insert=0).status != 200:
                    return
            except (AssertionError, subprocess.SubprocessError):
                return
            acknowledged.append(n)

    sender = threading.Thread(target=send)
    sender.start()
    wait_for(lambda: len(acknowledged) > 20)
    assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
    sender.join()
    killed.start()
    stored = {int(line) for line in killed.run("SELECT a FROM kept").split()}
    assert set(acknowledged) <= stored
    assert killed.insert("INSERT INTO kept FORMAT CSV", b"7,again\n", insert_deduplication_token="7",
                         async_insert=0).status == 200
    assert killed.run("SELECT count() FROM kept WHERE a = 7") == "1"
    assert killed.run("SELECT count() FROM system.databases WHERE name = 'shop'") == "1"
    assert killed.stop() == 0


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A real ZooKeeper."""
    stack = Stack(tmp_path_factory.mktemp("keeper"))
    stack.up(["zookeeper"])
    yield stack
    stack.down(purge=True)


def test_keeper_map(tmp_path: Path, keeper: Stack) -> None:
    """Strict mode creates once, updates compare and set, a guard fails loudly; all of it outlives kill -9."""
    config = tmp_path / "config.xml"
    config.write_text(f"""<clickhouse>
        <zookeeper><node><host>{HOST}</host><port>{keeper.service('zookeeper').port}</port></node></zookeeper>
        <keeper_map_path_prefix>/sluice/test</keeper_map_path_prefix></clickhouse>""")
    state = Server(tmp_path / "state", "--config-file", str(config))
    strict = {"keeper_map_strict_mode": 1, "insert_keeper_max_retries": 0, "keeper_max_retries": 0, "async_insert": 0}
    state.run("CREATE TABLE ledger (k String, epoch UInt64, owner String) ENGINE = KeeperMap('/ledger') PRIMARY KEY k")
    create = "INSERT INTO ledger VALUES ({k:String}, 0, '')"

    def update(epoch: int, owner: str) -> Answer:
        return state.post("ALTER TABLE ledger UPDATE epoch = if(throwIf(epoch != {e:UInt64}), epoch, epoch + 1), "
                          "owner = {o:String} WHERE k = 'shop'", param_e=epoch, param_o=owner, **strict)

    def row() -> str:
        return state.run("SELECT epoch, owner FROM ledger WHERE k = 'shop' FORMAT CSV", **strict)

    assert state.run(create, param_k="shop", **strict) == ""
    again = state.post(create, param_k="shop", **strict)
    assert (again.status, again.code) == (500, 999) and "Node exists" in again.text
    assert update(0, "me").status == 200
    assert update(0, "zombie").code == 395
    assert row() == '1,"me"'
    with ThreadPoolExecutor(8) as pool:
        outcomes = [answer.code for answer in pool.map(lambda n: update(1, f"owner {n}"), range(8))]
    assert outcomes.count(0) == 1 and set(outcomes) <= {0, 395, 999}
    kept = row()
    assert kept.startswith("2,")
    assert state.stop(signal.SIGKILL) == -signal.SIGKILL
    state.start()
    assert row() == kept
    assert state.stop() == 0
