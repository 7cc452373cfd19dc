"""A server process that outlives the program that started it, known by its pid file."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import time
from pathlib import Path

from .errors import StackError


def _start_ticks(pid: int) -> int | None:
    """When the process began (clock ticks since boot), None if there is none or it is a zombie."""
    try:
        # The program's name in field 2 may hold blanks and parentheses: count fields after the last one.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def children(pid: int) -> list[int]:
    """Direct children of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


class Process:
    """One daemon: started in a session of its own, found again by pid and start time.

    The start time makes sure that a pid which the kernel gave to somebody else meanwhile is never signalled.
    """

    def __init__(self, pid_file: Path, log: Path) -> None:
        self.pid_file = pid_file
        self.log = log

    def pid(self) -> int | None:
        """The pid while the process lives, else None."""
        try:
            noted = json.loads(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        self._reap(noted["pid"])
        return noted["pid"] if _start_ticks(noted["pid"]) == noted["start"] else None

    def start(self, command: list[str], *, cwd: Path, env: dict[str, str], user: str | None = None) -> None:
        """Starts the command with its output added to the log."""
        identity = {}
        if user:
            account = pwd.getpwnam(user)
            identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        with self.log.open("ab") as log:
            log.write(f"--- start {time.strftime('%F %T')}: {' '.join(command)}\n".encode())
            log.flush()
            child = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     start_new_session=True, **identity)
        # It is meant to outlive this object; without this, the interpreter warns of a child still running.
        child.returncode = 0
        noted = {"pid": child.pid, "start": _start_ticks(child.pid)}
        partial = self.pid_file.with_suffix(".new")
        partial.write_text(json.dumps(noted))
        partial.rename(self.pid_file)

    def send(self, number: int) -> None:
        """Sends a signal, if the process lives."""
        pid = self.pid()
        if pid is not None:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def wait_gone(self, seconds: float) -> bool:
        """True once the process has ended."""
        deadline = time.monotonic() + seconds
        while self.pid() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def stop(self, seconds: float, number: int = signal.SIGTERM) -> None:
        """Asks, waits, then ends it the hard way."""
        self.send(number)
        if not self.wait_gone(seconds):
            self.kill()
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """SIGKILL to the process and its direct children; back when all are gone."""
        pid = self.pid()
        if pid is None:
            return
        offspring = [(child, _start_ticks(child)) for child in children(pid)]
        self.send(signal.SIGKILL)
        if not self.wait_gone(10):
            raise StackError(f"process {pid} does not go away after SIGKILL: see /proc/{pid}/stack")
        for child, start in offspring:
            self._kill_orphan(child, start)

    @staticmethod
    def _kill_orphan(pid: int, start: int | None) -> None:
        deadline = time.monotonic() + 10
        while start is not None and _start_ticks(pid) == start and time.monotonic() < deadline:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            time.sleep(0.02)

    @staticmethod
    def _reap(pid: int) -> None:
        """Takes a dead child's status, so that it does not stay a zombie while a test program goes on."""
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass

    def log_tail(self, lines: int = 30) -> str:
        """The end of the log, for messages."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 64 * 1024))
                return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""
