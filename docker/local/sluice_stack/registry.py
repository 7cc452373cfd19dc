"""Apicurio, a schema registry that speaks Confluent's API."""

from __future__ import annotations

import os

from . import layout
from .errors import StackError
from .java import java_command
from .rest import request
from .service import Service


class Registry(Service):
    """The registry, with its schemas in a file: in memory, ids would name other schemas after a restart."""

    name = "registry"
    port_names = ("registry",)

    def prepare(self) -> None:
        layout.require(layout.local_home() / "registry")

    def environment(self) -> dict[str, str]:
        # WRITE_DELAY=0: an id that was handed out must survive kill -9.
        database = f"jdbc:h2:file:{self.folder / 'schemas'};WRITE_DELAY=0"
        return {**os.environ, "REGISTRY_DATASOURCE_URL": database, "QUARKUS_HTTP_HOST": "127.0.0.1",
                "QUARKUS_HTTP_PORT": str(self.port), "QUARKUS_DATASOURCE_JDBC_INITIAL_SIZE": "2",
                "QUARKUS_DATASOURCE_JDBC_MIN_SIZE": "2", "QUARKUS_DATASOURCE_JDBC_MAX_SIZE": "16"}

    def command(self) -> list[str]:
        runners = list((layout.local_home() / "registry").glob("*-runner.jar"))
        if len(runners) != 1:
            raise StackError(f"{layout.local_home() / 'registry'} holds {len(runners)} runner jars, not one: "
                             "run docker/local/setup again")
        return [*java_command(320, "-XX:TieredStopAtLevel=1"), "-jar", str(runners[0])]

    def answers(self) -> bool:
        return request("GET", f"{self.url()}/apis/ccompat/v7/subjects", timeout=2)[0] == 200

    def url(self) -> str:
        return f"http://{self.address}"
