"""What the tests of clickhouse-embedded share: the server as a process, curl, and bare sockets for broken requests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

from sluice_stack import layout

HOST = "127.0.0.1"


@dataclass
class Answer:
    """One HTTP answer. `status` is 0 when the connection closed without one."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def code(self) -> int:
        """X-ClickHouse-Exception-Code, 0 without."""
        return int(self.headers.get("x-clickhouse-exception-code", "0"))


def parse_answer(raw: bytes) -> Answer:
    """What `curl -i` printed."""
    head, _, body = raw.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 100"):
        head, _, body = body.partition(b"\r\n\r\n")
    if not head:
        return Answer(0)
    first, *lines = head.decode().split("\r\n")
    headers = dict((name.lower(), value) for name, _, value in (line.partition(": ") for line in lines))
    return Answer(int(first.split()[1]), headers, body)


class Server:
    """clickhouse-embedded on a free port with a data folder of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        self.port = 0
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """Starts it and reads the port it took."""
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "stderr.log").open("a") as log:
            self.process = subprocess.Popen(
                [layout.clickhouse_embedded(), "--listen", f"{HOST}:{self.port}", "--path", self.folder / "data",
                 *self.options], stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://"), (line, (self.folder / "stderr.log").read_text())
        self.port = int(line.rpartition(":")[2])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ends it and returns its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self.process is not None
        return self.process.pid

    def url(self, path: str = "/", **parameters: object) -> str:
        """An address on this server."""
        return f"http://{HOST}:{self.port}{path}?{urllib.parse.urlencode(parameters)}"

    def curl(self, *arguments: str | Path, body: bytes | None = None, path: str = "/", **parameters: object) -> Answer:
        """One request by curl; with a body it is a POST."""
        data = ["--data-binary", "@-"] if body is not None else []
        done = subprocess.run(["curl", "-sS", "-i", *data, *arguments, self.url(path, **parameters)], input=body,
                              capture_output=True, check=False, timeout=60)
        if done.returncode in (52, 56):  # empty reply, connection reset
            return Answer(0)
        assert done.returncode == 0, done.stderr.decode()
        return parse_answer(done.stdout)

    def post(self, sql: str, **parameters: object) -> Answer:
        """A statement as the body of a POST."""
        return self.curl(body=sql.encode(), **parameters)

    def run(self, sql: str, **parameters: object) -> str:
        """A statement that must work; its answer without the last line end."""
        answer = self.post(sql, **parameters)
        assert answer.status == 200 and answer.code == 0, answer
        return answer.text.rstrip("\n")

    def insert(self, sql: str, data: bytes, *arguments: str | Path, **parameters: object) -> Answer:
        """INSERT with the statement in the URL and the data in the body."""
        return self.curl(*arguments, body=data, query=sql, **parameters)

    def fault(self, method: str = "POST", **parameters: object) -> Answer:
        """The fault switches."""
        return self.curl("-X", method, path="/_fault", **parameters)

    def raw(self, request: bytes, half_close: bool = False) -> bytes:
        """Sends these bytes, closes the connection (or its sending half), and returns what came back."""
        with socket.create_connection((HOST, self.port), timeout=10) as link:
            link.sendall(request)
            if not half_close:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return b""
            link.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while chunk := link.recv(65536):
                    answer += chunk
            except ConnectionResetError:
                pass
            return answer

    def resident_mib(self) -> float:
        """Resident memory of the server now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 2**20


def wait_for(condition, seconds: float = 10.0):
    """The first true value of condition(), asked again and again."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
    return value


def leb128(number: int) -> bytes:
    """RowBinary's length prefix."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def rows_with_names_and_types(columns: list[tuple[str, str]], rows: bytes) -> bytes:
    """The header of RowBinaryWithNamesAndTypes before encoded rows."""
    texts = [name for name, _ in columns] + [kind for _, kind in columns]
    return leb128(len(columns)) + b"".join(leb128(len(text)) + text.encode() for text in texts) + rows
