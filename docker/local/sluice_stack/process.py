"""A server process that outlives the program that started it, known by its pid file."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from .errors import StackError


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state (field 3) on; empty if there is no such process."""
    try:
        # The program's name in field 2 may hold blanks and parentheses: split after the last one.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _start_ticks(pid: int) -> int | None:
    """When the process began (clock ticks since boot), None if it does not run (a zombie does not)."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] not in "ZX" else None


def children(pid: int) -> list[int]:
    """Direct children of a process."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [child for child in pids if (fields := _stat(child)) and int(fields[1]) == pid]


def identity(user: str | None) -> dict[str, Any]:
    """The arguments that make subprocess run a command as that account; none for the caller's own."""
    if user is None:
        return {}
    account = pwd.getpwnam(user)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


class Process:
    """One daemon: started in a session of its own, found again by pid and start time.

    The start time makes sure that a pid which the kernel gave to somebody else meanwhile is never signalled.
    """

    def __init__(self, pid_file: Path, log: Path) -> None:
        self.pid_file = pid_file
        self.log = log

    def _noted(self) -> tuple[int, int]:
        """pid and start time of the last start; (0, 0) if there was none."""
        try:
            noted = json.loads(self.pid_file.read_text())
            return noted["pid"], noted["start"]
        except (FileNotFoundError, ValueError):
            return 0, 0

    def pid(self) -> int | None:
        """The pid while the process lives, else None."""
        pid, start = self._noted()
        self._reap(pid)
        return pid if pid and _start_ticks(pid) == start else None

    def wait_collected(self) -> None:
        """Waits until nothing of the last process is left, not even a zombie.

        A zombie's last threads may still hold its port; and PostgreSQL takes the pid in its lock file for a living
        server while nobody has collected the zombie.
        """
        pid, start = self._noted()
        deadline = time.monotonic() + 5
        while (fields := _stat(pid)) and int(fields[19]) == start and time.monotonic() < deadline:
            self._reap(pid)
            time.sleep(0.02)

    def start(self, command: list[str], *, cwd: Path, env: dict[str, str], user: str | None = None) -> None:
        """Starts the command with its output added to the log."""
        with self.log.open("ab") as log:
            log.write(f"--- start {time.strftime('%F %T')}: {' '.join(command)}\n".encode())
            log.flush()
            child = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     start_new_session=True, **identity(user))
        # It is meant to outlive this object; without this, the interpreter warns of a child still running.
        child.returncode = 0
        # Not collected yet, so the entry in /proc is there even if it died at once.
        noted = {"pid": child.pid, "start": int(_stat(child.pid)[19])}
        partial = self.pid_file.with_suffix(".new")
        partial.write_text(json.dumps(noted))
        partial.rename(self.pid_file)

    def send(self, number: int) -> None:
        """Sends a signal, if the process lives."""
        pid = self.pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

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
        if pid == 0:  # to waitpid that would mean: any child
            return
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)

    def log_tail(self, lines: int = 30) -> str:
        """The end of the log, for messages."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 64 * 1024))
                return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""
