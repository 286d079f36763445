from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.setting_rules import is_loopback
from modelyard.settings import Settings, SettingsError, home_of, load, table


def settings(home: Path, environment: dict[str, str] | None = None, **options: object) -> Settings:
    """Load with nothing but what the test gives."""
    return load({"home": home, **options}, environment=environment or {})


def problems(home: Path, environment: dict[str, str] | None = None, **options: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings(home, environment, **options)
    return caught.value.problems


def write(path: Path, text: str, *, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_defaults_are_those_of_the_documentation(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert (found.host, found.port, found.gateway_port) == ("127.0.0.1", 8080, 8081)
    assert (found.region, found.account) == ("us-east-1", "123456789012")
    assert found.database_url == f"sqlite:///{tmp_path}/modelyard.db"
    assert found.assets_bucket == "modelyard-assets-123456789012"
    assert found.root_token is None
    assert found.allow_detailed_error_message is True
    assert found.warnings() == []


def test_the_home_is_in_the_users_own_folder_unless_told_otherwise(tmp_path: Path) -> None:
    assert home_of(environment={}) == Path.home() / ".modelyard"
    assert home_of(environment={"MODELYARD_HOME": str(tmp_path)}) == tmp_path
    assert home_of(tmp_path / "a", environment={"MODELYARD_HOME": str(tmp_path)}) == tmp_path / "a"


def test_the_home_may_stand_in_a_file_that_lies_elsewhere(tmp_path: Path) -> None:
    file = write(tmp_path / "own.toml", f'home = "{tmp_path}/state"\n')
    environment = {"MODELYARD_CONFIG": str(file)}
    assert home_of(environment=environment) == tmp_path / "state"
    assert load(environment=environment).home == tmp_path / "state"


def test_the_home_is_found_whatever_is_wrong_with_other_settings(tmp_path: Path) -> None:
    file = write(tmp_path / "own.toml", f'home = "{tmp_path}/state"\nprot = 1\n')
    environment = {"MODELYARD_CONFIG": str(file), "MODELYARD_PORT": "x"}
    assert home_of(environment=environment) == tmp_path / "state"


def test_options_beat_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    write(tmp_path / "modelyard.toml", 'port = 1\ngateway_port = 2\nregion = "eu-west-1"\n')
    environment = {"MODELYARD_PORT": "3", "MODELYARD_GATEWAY_PORT": "4"}
    found = settings(tmp_path, environment, port=5)
    assert (found.port, found.gateway_port, found.region) == (5, 4, "eu-west-1")


def test_an_option_that_is_none_was_not_given(tmp_path: Path) -> None:
    assert settings(tmp_path, port=None).port == 8080


def test_a_file_that_is_named_takes_the_place_of_the_one_in_the_home(tmp_path: Path) -> None:
    write(tmp_path / "modelyard.toml", "port = 1\n")
    own = write(tmp_path / "own.toml", "port = 2\n")
    assert load({"home": tmp_path}, config=own, environment={}).port == 2


def test_a_named_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"there is no settings file .*own\.toml"):
        load({"home": tmp_path}, config=tmp_path / "own.toml", environment={})


def test_all_problems_of_all_sources_come_at_once(tmp_path: Path) -> None:
    file = write(tmp_path / "modelyard.toml", 'prot = 1\nlog_level = "loud"\n')
    found = problems(
        tmp_path, {"MODELYARD_PROT": "1", "MODELYARD_ACCOUNT": "12"}, host="0.0.0.0", port=70_000
    )
    assert found == [
        f"prot in {file} is not a setting: did you mean port?",
        f"log_level in {file} is 'loud': log_level is one of debug, info, warning, error",
        "MODELYARD_PROT is not a setting: did you mean MODELYARD_PORT?",
        "MODELYARD_ACCOUNT is '12': account is exactly 12 digits",
        "--port is 70000: port is a whole number from 0 to 65535",
        "host is 0.0.0.0, which other machines can reach: "
        "if that is what you want, set allow_remote = true as well",
    ]


def test_a_bad_value_is_a_problem_also_where_a_stronger_source_overrides_it(tmp_path: Path) -> None:
    assert problems(tmp_path, {"MODELYARD_PORT": "x"}, port=1) == [
        "MODELYARD_PORT is 'x': port is a whole number from 0 to 65535"
    ]


def test_a_variable_in_small_letters_is_a_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, {"MODELYARD_port": "1"}) == [
        "MODELYARD_port is not a setting: did you mean MODELYARD_PORT?"
    ]


def test_what_modelyard_env_exports_is_no_problem(tmp_path: Path) -> None:
    environment = {
        "MODELYARD_URL": "http://127.0.0.1:1",
        "MODELYARD_TOKEN": "t",
        "MODELYARD_ASSETS_BUCKET": "assets",
    }
    assert settings(tmp_path, environment).assets_bucket == "assets"


def test_a_file_that_is_no_toml_is_named_with_the_place(tmp_path: Path) -> None:
    write(tmp_path / "modelyard.toml", "port = \n")
    assert "modelyard.toml cannot be read: Invalid value (at line 1" in problems(tmp_path)[0]


def test_a_file_in_the_home_cannot_move_the_home(tmp_path: Path) -> None:
    write(tmp_path / "modelyard.toml", 'home = "/elsewhere"\n')
    assert "a file in the home cannot say where the home is" in problems(tmp_path)[0]


def test_secrets_are_in_no_representation_and_in_no_problem(tmp_path: Path) -> None:
    secret = "S3cret-of-the-root-user"
    found = settings(
        tmp_path,
        root_access_key_id="AKIAROOT",
        root_secret_access_key=secret,
        root_token=secret,
        database_url=f"sqlite:////{secret}.db",
    )
    assert secret not in repr(found)
    assert "AKIAROOT" not in repr(found)
    said = problems(tmp_path, root_token="short-secret", database_url="mysql://user:pass@host/db")
    assert said[0].startswith("--root-token cannot be used: root_token is 16 or more letters")
    assert "short-secret" not in str(said)
    assert "pass" not in str(said).replace("user:password@", "")


def test_a_file_with_secrets_that_others_may_read_is_refused(tmp_path: Path) -> None:
    text = 'root_token = "0123456789abcdef"\n'
    file = write(tmp_path / "modelyard.toml", text, mode=0o644)
    assert problems(tmp_path) == [
        f"{file} holds root_token, and other users may read it: chmod 600 {file}"
    ]
    file.chmod(0o600)
    assert settings(tmp_path).root_token == "0123456789abcdef"


def test_an_access_key_needs_its_secret(tmp_path: Path) -> None:
    assert "go together" in problems(tmp_path, root_access_key_id="AKIAROOT")[0]


def test_an_empty_value_is_not_a_value(tmp_path: Path) -> None:
    for name in ("PORT", "HOME", "ROOT_TOKEN", "DATABASE_URL", "ASSETS_BUCKET", "HOST"):
        environment = {f"MODELYARD_{name}": ""}
        with pytest.raises(SettingsError, match=f"MODELYARD_{name} "):
            load({"home": tmp_path}, environment=environment)


def test_a_host_that_others_can_reach_is_allowed_with_a_warning(tmp_path: Path) -> None:
    found = settings(tmp_path, host="::", allow_remote=True)
    assert "which other machines can reach" in found.warnings()[0]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_loopback_needs_no_permission(tmp_path: Path, host: str) -> None:
    assert settings(tmp_path, host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.evil.org"])
def test_anything_else_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_two_doors_cannot_share_a_port_but_both_may_pick_a_free_one(tmp_path: Path) -> None:
    assert "both 8081" in problems(tmp_path, port=8081)[0]
    assert settings(tmp_path, port=0, gateway_port=0).gateway_port == 0


def test_postgresql_is_spelt_in_full_whatever_was_written(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    for scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        found = settings(tmp_path, database_url=f"{scheme}://u@h/db")
        assert found.database_url == "postgresql+psycopg://u@h/db"


def test_postgresql_without_its_extra_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)  # as if it were not installed
    said = problems(tmp_path, database_url="postgresql+psycopg://u@h/db")
    assert "pip install 'modelyard[postgres]'" in said[0]


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///relative.db", "sqlite:///:memory:", "mysql://h/db", "/a/file"]
)
def test_other_databases_are_refused(tmp_path: Path, url: str) -> None:
    assert "sqlite:////absolute/file.db" in problems(tmp_path, database_url=url)[0]


def test_host_names_come_as_a_list_or_with_commas(tmp_path: Path) -> None:
    expected = ("a.example.org", "*.example.net")
    assert (
        settings(
            tmp_path, {"MODELYARD_ALLOWED_HOSTS": "a.example.org, *.Example.net"}
        ).allowed_hosts
        == expected
    )
    write(tmp_path / "modelyard.toml", 'allowed_hosts = ["a.example.org", "*.example.net"]\n')
    assert settings(tmp_path).allowed_hosts == expected
    for bad in ("*", "a.org:80", "http://a.org", "", [1], 5):
        assert "list of host names" in problems(tmp_path, allowed_hosts=bad)[0]


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("port", True),
        ("port", 80.0),
        ("port", "-1"),
        ("port", "²"),
        ("gateway_workers", 257),
        ("allow_remote", "maybe"),
        ("allow_remote", 1),
        ("region", "US-EAST-1"),
        ("region", "a" * 33),
        ("account", 123456789012),
        ("capture_flush_seconds", 61),
        ("capture_flush_seconds", float("nan")),
        ("capture_flush_seconds", "inf"),
        ("capture_flush_seconds", False),
        ("runtime", "docker"),
        ("assets_bucket", "Upper"),
        ("assets_bucket", "a..b"),
        ("host", "127.0.0.1:80"),
        ("host", "a b"),
        ("root_secret_access_key", "with a space inside"),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused(tmp_path: Path, name: str, bad: object) -> None:
    with pytest.raises(SettingsError, match=f"{name} is "):
        load({"home": tmp_path, name: bad}, environment={})


def test_every_kind_of_value_can_be_written_as_text(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        {
            "MODELYARD_ALLOW_REMOTE": "Yes",
            "MODELYARD_ALLOW_DETAILED_ERROR_MESSAGE": "off",
            "MODELYARD_CAPTURE_FLUSH_SECONDS": "2.5",
            "MODELYARD_LOG_LEVEL": "WARNING",
        },
    )
    assert (found.allow_remote, found.allow_detailed_error_message) == (True, False)
    assert (found.capture_flush_seconds, found.log_level) == (2.5, "warning")


def test_a_path_may_begin_with_the_users_own_folder(tmp_path: Path) -> None:
    assert load({"home": "~/models"}, environment={}).home == Path.home() / "models"
    assert home_of(Path("relative"), environment={}) == Path.cwd() / "relative"
    for bad in ("", 5, "nul\0"):
        with pytest.raises(SettingsError, match="home is the path of a folder"):
            load({"home": bad}, environment={})
    with pytest.raises(SettingsError, match="MODELYARD_HOME is ''"):
        home_of(environment={"MODELYARD_HOME": ""})


@given(st.text())
def test_no_text_but_a_port_is_a_port(text: str) -> None:
    try:
        port = load({"home": "/nowhere", "port": text, "gateway_port": 0}, environment={}).port
    except SettingsError:
        assert not (text.isascii() and text.isdecimal() and int(text) <= 65_535 and len(text) < 10)
    else:
        assert port == int(text)


def test_the_table_lists_every_setting_with_its_default() -> None:
    lines = table().splitlines()
    names = [line.split()[0] for line in lines[1 : lines.index("")]]
    assert names == list(Settings.__dataclass_fields__)
    assert any(line.split()[:2] == ["port", "8080"] for line in lines)


def test_with_tls_a_host_that_others_reach_needs_no_warning(tmp_path: Path) -> None:
    found = settings(tmp_path, host="0.0.0.0", allow_remote=True, tls=True)
    assert found.warnings() == []


def test_half_a_certificate_and_one_without_tls_are_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, tls=True, tls_key="key.pem") == [
        "tls_certificate and tls_key go together: give both, or neither"
    ]
    (problem,) = problems(tmp_path, tls_certificate="a", tls_key="b")
    assert "tls is off" in problem


def test_a_certificates_path_is_a_path(tmp_path: Path) -> None:
    (problem, _) = problems(tmp_path, {"MODELYARD_TLS_CERTIFICATE": ""}, tls=True, tls_key="k")
    assert "tls_certificate is the path of a file" in problem


def test_the_stages_are_the_accounts_of_their_names_unless_told_otherwise(tmp_path: Path) -> None:
    assert settings(tmp_path).stage_accounts() == {}
    found = settings(
        tmp_path, multi_account="yes", staging_account_id="prod", prod_account_id="345678901234"
    )
    assert {stage: account.name for stage, account in found.stage_accounts().items()} == {
        "dev": "dev",
        "staging": "prod",
        "prod": "staging",
    }


def test_a_stage_has_an_account_that_is_there_and_its_own(tmp_path: Path) -> None:
    found = problems(
        tmp_path, multi_account=True, dev_account_id="999999999999", staging_account_id="prod"
    )
    assert len(found) == 2
    assert found[0].startswith("dev_account_id: there is no account '999999999999': use one of")
    assert found[1] == ("prod_account_id: 456789012345 is the account of the stage staging too")
