"""The demo: a shop in PostgreSQL under live load, and its tables in ClickHouse, side by side on a terminal."""
