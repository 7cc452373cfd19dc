"""Where the set-up left things, and where one stack keeps its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .errors import StackError

REPOSITORY = Path(__file__).resolve().parents[3]
POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")


def local_home() -> Path:
    """The folder that docker/local/setup fills: $SLUICE_LOCAL_HOME, else .local in the repository."""
    return Path(os.environ.get("SLUICE_LOCAL_HOME") or REPOSITORY / ".local").absolute()


def require(path: Path) -> Path:
    """Returns path, or says that the set-up has to run first."""
    if not path.exists():
        raise StackError(f"{path} is missing: run docker/local/setup first")
    return path


def java() -> str:
    """The java to run: $JAVA_HOME first, as Maven does."""
    home = os.environ.get("JAVA_HOME")
    if home and Path(home, "bin/java").exists():
        return str(Path(home, "bin/java"))
    found = shutil.which("java")
    if not found:
        raise StackError("no java on the PATH: run docker/local/setup first")
    return found


def class_path(jar_set: str) -> str:
    """The class path made of one set of jars (kafka, zookeeper)."""
    return str(require(local_home() / "jars" / jar_set) / "*")


def clickhouse_embedded() -> Path:
    """The project's own ClickHouse server over libchdb; release build before dev build."""
    named = os.environ.get("SLUICE_CLICKHOUSE_EMBEDDED")
    if named:
        if not os.access(named, os.X_OK):
            raise StackError(f"SLUICE_CLICKHOUSE_EMBEDDED names {named}, which is no executable file")
        return Path(named).absolute()
    candidates = [REPOSITORY / "build" / preset / "cmd/clickhouse-embedded/clickhouse-embedded"
                  for preset in ("release", "dev")]
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            return candidate
    raise StackError("clickhouse-embedded is not built: build preset release or dev, or name the program in "
                     "SLUICE_CLICKHOUSE_EMBEDDED (looked for " + ", ".join(map(str, candidates)) + ")")
