"""PostgreSQL 15 with logical decoding."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from pathlib import Path

from . import layout, ports
from .errors import StackError
from .process import identity
from .service import Service

USER = "postgres"
PASSWORD = "postgres"

# fsync=off: a throw-away stack. It survives kill -9 of the server, not a crash of the machine.
_SETTINGS = """\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
wal_level = logical
max_replication_slots = 32
max_wal_senders = 32
max_connections = 120
wal_sender_timeout = 60s
shared_buffers = 128MB
fsync = off
full_page_writes = off
max_wal_size = 2GB
log_min_messages = warning
timezone = 'UTC'
"""


class Postgres(Service):
    """The source database; superuser postgres, password postgres, loopback only."""

    name = "postgres"
    port_names = ("postgres",)

    def user(self) -> str | None:
        """PostgreSQL refuses to run as root: then it runs as the package's own account."""
        return "postgres" if os.geteuid() == 0 else None

    def data(self) -> Path:
        """The data folder: in the state folder, or in /var/tmp if user postgres cannot get there."""
        return Path(self.notes.get("postgres_data") or self.folder / "data")

    def working_folder(self) -> Path:
        return self.data()

    def prepare(self) -> None:
        layout.require(layout.POSTGRES_BIN / "postgres")
        if not (self.data() / "PG_VERSION").exists():
            self._make_data_folder()
            self._initialise()
        (self.data() / "postgresql.auto.conf").write_text(f"{_SETTINGS}port = {self.port}\n")

    def _make_data_folder(self) -> None:
        if self.user() and self._as_user("test", "-x", str(self.folder)).returncode != 0:
            self.notes["postgres_data"] = tempfile.mkdtemp(prefix="sluice-postgres-", dir="/var/tmp")
        self.data().mkdir(parents=True, exist_ok=True)
        if self.user():
            shutil.chown(self.data(), self._account().pw_uid, self._account().pw_gid)
        self.data().chmod(0o700)

    def _initialise(self) -> None:
        with tempfile.NamedTemporaryFile("w", dir="/var/tmp", prefix="sluice-") as password:
            password.write(PASSWORD + "\n")
            password.flush()
            if self.user():
                os.fchown(password.fileno(), self._account().pw_uid, -1)
            made = self._as_user(
                str(layout.POSTGRES_BIN / "initdb"), "-D", str(self.data()), "-U", USER, "--auth=scram-sha-256",
                f"--pwfile={password.name}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
        if made.returncode != 0:
            raise StackError(f"postgres: initdb failed in {self.data()}:\n{made.stdout}{made.stderr}")

    @staticmethod
    def _account() -> pwd.struct_passwd:
        return pwd.getpwnam("postgres")

    def _as_user(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, **identity(self.user()))

    def command(self) -> list[str]:
        return [str(layout.POSTGRES_BIN / "postgres"), "-D", str(self.data())]

    def answers(self) -> bool:
        """A start-up packet is answered with a request for authentication, not with an error."""
        body = struct.pack(">i", 196608) + b"user\0postgres\0database\0postgres\0\0"
        with socket.create_connection((ports.HOST, self.port), timeout=2) as link:
            link.sendall(struct.pack(">i", len(body) + 4) + body)
            # The whole answer is read: a reset by unread bytes would stand in the server's log.
            return link.recv(4096).startswith(b"R")

    def url(self) -> str:
        return f"postgresql://{USER}:{PASSWORD}@{self.address}/postgres"

    def stop(self) -> None:
        """SIGINT: the fast way to stop, which does not wait for clients to leave."""
        self.process.stop(self.stop_seconds, signal.SIGINT)

    def remove(self) -> None:
        if "postgres_data" in self.notes:
            shutil.rmtree(self.notes["postgres_data"], ignore_errors=True)
