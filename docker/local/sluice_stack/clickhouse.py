"""ClickHouse: the project's clickhouse-embedded, with KeeperMap through ZooKeeper."""

from __future__ import annotations

from . import layout, ports
from .rest import request
from .service import Service


# SYSTEM STOP MERGES would end with a restart of the server.
_NO_MERGES = """\
  <merge_tree>
    <max_bytes_to_merge_at_max_space_in_pool>1</max_bytes_to_merge_at_max_space_in_pool>
    <max_bytes_to_merge_at_min_space_in_pool>1</max_bytes_to_merge_at_min_space_in_pool>
    <parts_to_delay_insert>100000</parts_to_delay_insert>
    <parts_to_throw_insert>100000</parts_to_throw_insert>
  </merge_tree>
"""


class ClickHouse(Service):
    """The target. Its data lies in the state folder and survives kill -9."""

    name = "clickhouse"
    needs = ("zookeeper",)
    port_names = ("clickhouse",)

    def prepare(self) -> None:
        layout.clickhouse_embedded()
        (self.folder / "data").mkdir(exist_ok=True)
        (self.folder / "config.xml").write_text(f"""\
<clickhouse>
  <zookeeper>
    <node><host>{ports.HOST}</host><port>{self.ports['zookeeper']}</port></node>
    <session_timeout_ms>10000</session_timeout_ms>
  </zookeeper>
  <keeper_map_path_prefix>/sluice/keeper_map</keeper_map_path_prefix>
{_NO_MERGES if self.notes.get("clickhouse_merges") == "off" else ""}</clickhouse>
""")

    def command(self) -> list[str]:
        faults = ["--faults"] if self.notes.get("clickhouse_faults") else []
        return [str(layout.clickhouse_embedded()), "--listen", self.address, "--path", str(self.folder / "data"),
                "--config-file", str(self.folder / "config.xml"), *faults]

    def answers(self) -> bool:
        status, text = request("GET", f"{self.url()}/ping", timeout=2)
        return status == 200 and text.startswith("Ok.")

    def url(self) -> str:
        return f"http://{self.address}"
