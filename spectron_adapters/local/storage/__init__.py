"""The database: one SQLite file, its tables, its transactions."""
