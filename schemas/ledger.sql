-- The ledger of exactly-once delivery in ClickHouse (option ledger: keeper_map), as lib/ledger/keeper_map_sql.c makes it
-- for database shop and pipeline shop; unit.ledger.keeper_map_sql compares the two. Make it by hand on every server that
-- clickhouse.url names where the worker has no right to create tables. Why it looks like this: docs/ledger.md.
CREATE TABLE IF NOT EXISTS `shop`.`sluice_ledger` (k String, epoch UInt64, owner UInt64, seq UInt64, state String, written_at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = KeeperMap('/sluice_shop') PRIMARY KEY k;
