from __future__ import annotations

import pytest

from modelyard.store.database import Database
from modelyard.store.resources import Store
from tests.store.contract import StoreContract


class TestOnSqlite(StoreContract):
    @pytest.fixture
    def store(self, sqlite: Database) -> Store:
        return Store(sqlite)


@pytest.mark.postgres
class TestOnPostgres(StoreContract):
    @pytest.fixture
    def store(self, postgres: Database) -> Store:
        return Store(postgres)
