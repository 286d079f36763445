from __future__ import annotations

from tests.store.conftest import cluster, database, migrated, postgres, sqlite

__all__ = ["cluster", "database", "migrated", "postgres", "sqlite"]
