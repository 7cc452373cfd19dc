"""The command line of docker/local/stack."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

from .errors import StackError
from .stack import NAMES, TOOLS, Stack


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--state", metavar="DIR", help="state folder (default: $SLUICE_LOCAL_HOME/stack)")
    parser = argparse.ArgumentParser(prog="stack", description="The services that sluice works with, as plain "
                                     "processes on loopback. Run docker/local/setup once before.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    up = commands.add_parser("up", parents=[common], help="start what does not run, wait until it answers")
    up.add_argument("--port-base", type=int, metavar="N", help="first port (default: free ports are chosen)")
    up.add_argument("--services", metavar="A,B", help=f"only these and what they need ({','.join(NAMES)})")
    up.add_argument("--faults", action="store_true", help="ClickHouse misbehaves on demand (POST /_fault); for tests, "
                    "kept until --purge")
    up.add_argument("--wait", type=float, default=120.0, metavar="SECONDS", help="limit per service (default 120)")
    down = commands.add_parser("down", parents=[common], help="stop all")
    down.add_argument("--purge", action="store_true", help="remove the state folder too, with all data")
    status = commands.add_parser("status", parents=[common],
                                 help="what runs where; exit 1 if something that was started is not ready")
    status.add_argument("--json", action="store_true", help="as JSON")
    logs = commands.add_parser("logs", parents=[common], help="the end of the logs")
    logs.add_argument("-n", type=int, default=40, metavar="LINES", help="lines of each (default 40)")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as they grow")
    logs.add_argument("services", nargs="*", metavar="SERVICE", help="default: all")
    commands.add_parser("env", parents=[common], help="print the addresses as KEY=value")
    for name, text in (("start", "start one service again"), ("stop", "stop one service"),
                       ("kill", "end one service with SIGKILL")):
        one = commands.add_parser(name, parents=[common], help=text)
        one.add_argument("service", choices=NAMES, metavar="SERVICE")
    tool = commands.add_parser("tool", parents=[common], help="run one of Kafka's own tools on the broker")
    tool.add_argument("tool", metavar="TOOL", help=f"{', '.join(TOOLS)}, or a main class")
    tool.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT")
    return parser


def _say(line: str) -> None:
    # One write, as several services may become ready at the same moment.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _up(stack: Stack, options: argparse.Namespace) -> int:
    began = time.monotonic()
    stack.up(options.services.split(",") if options.services else None, _say)
    _say(f"up after {time.monotonic() - began:.1f} s; state and logs in {stack.state}")
    return 0


def _status(stack: Stack, options: argparse.Namespace) -> int:
    table = stack.status()
    if options.json:
        _say(json.dumps(table, indent=2))
    else:
        _say(f"{'service':<12}{'pid':>8}{'port':>7}  state")
        for row in table:
            _say(f"{row['service']:<12}{row['pid'] or '-':>8}{row['port']:>7}  {row['state']}")
    return 0 if all(row["state"] in ("ready", "never started") for row in table) else 1


def _logs(stack: Stack, options: argparse.Namespace) -> int:
    files = [str(stack.service(name).process.log) for name in options.services or NAMES]
    found = [file for file in files if os.path.exists(file)]
    if not found:
        raise StackError(f"no log yet in {stack.state / 'log'}")
    command = ["tail", "-n", str(options.n), *(["-F"] if options.follow else []), "--", *found]
    return subprocess.run(command, check=False).returncode


def _tool(stack: Stack, options: argparse.Namespace) -> int:
    done = stack.kafka_tool(options.tool, *options.arguments)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode


def _run(stack: Stack, options: argparse.Namespace) -> int:
    if options.command == "up":
        return _up(stack, options)
    if options.command == "down":
        stack.down(options.purge, _say)
    elif options.command == "status":
        return _status(stack, options)
    elif options.command == "logs":
        return _logs(stack, options)
    elif options.command == "env":
        for key, value in stack.addresses.items():
            _say(f"{key}={value}")
    elif options.command == "tool":
        return _tool(stack, options)
    else:
        getattr(stack.service(options.service), options.command)()
    return 0


def main(arguments: list[str]) -> int:
    """Exit code: 0 done, 1 failed, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    stack = Stack(options.state, getattr(options, "port_base", None), getattr(options, "wait", 120.0),
                  getattr(options, "faults", False))
    try:
        return _run(stack, options)
    except StackError as error:
        print(f"stack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stack: interrupted; what was started still runs: `stack status`, `stack down`", file=sys.stderr)
        return 1
