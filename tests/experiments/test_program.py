"""MLflow's server gets what it needs of the machine, and no more."""

from __future__ import annotations

from pathlib import Path

from modelyard.experiments.program import MlflowProgram

STORE = "_MLFLOW_SERVER_FILE_STORE"


def test_on_sqlite_it_has_no_network_and_only_its_folder(tmp_path: Path) -> None:
    program = MlflowProgram(account="123456789012", folder=tmp_path / "a").server()
    assert (program.network, program.base, program.inputs) == (False, tmp_path / "a", {})
    assert program.environment[STORE] == "sqlite:///mlflow.db"
    assert program.environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


def test_a_database_behind_a_socket_is_shown_to_it(tmp_path: Path) -> None:
    url = "postgresql+psycopg://me@/db?host=%2Frun%2Fpg&options=-csearch_path%3Dmlflow_1"
    made = MlflowProgram(account="1", folder=tmp_path, database=url)
    assert made.server().inputs == {"postgres": Path("/run/pg")}
    assert made.server().environment[STORE] == url.replace("%2Frun%2Fpg", "%2Fopt%2Fml%2Fpostgres")
    seeing = MlflowProgram(account="1", folder=tmp_path, database=url, sees_machine=True)
    assert (seeing.server().inputs, seeing.server().environment[STORE]) == ({}, url)


def test_its_folder_is_its_owners_and_a_store_of_another_release_is_brought_up_to_date(
    tmp_path: Path,
) -> None:
    made = MlflowProgram(account="1", folder=tmp_path / "a")
    made.prepare()
    assert made.folder.stat().st_mode & 0o077 == 0
    assert made.upgrade() is None  # there is no store yet
    made.note_version()
    assert made.upgrade() is None
    (made.folder / "version").write_text("0.1")
    upgrade = made.upgrade()
    assert upgrade is not None
    assert list(upgrade.argv)[1:] == ["-m", "mlflow", "db", "upgrade", "sqlite:///mlflow.db"]
