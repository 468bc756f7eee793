"""The store: SQLite behind one writer, content-addressed code, an append-only journal."""
