from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.account_settings import default_accounts
from modelyard.settings import Settings, SettingsError, load


def loaded(tmp_path: Path, text: str, **options: object) -> Settings:
    path = tmp_path / "modelyard.toml"
    path.write_text(text)
    return load({"home": tmp_path, **options}, environment={})


def problems(tmp_path: Path, text: str, **options: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text, **options)
    return caught.value.problems


def test_four_accounts_are_there_without_a_word(tmp_path: Path) -> None:
    found = load({"home": tmp_path}, environment={}).all_accounts()
    assert {name: (one.id, one.stage) for name, one in found.items()} == {
        "orchestrator": ("123456789012", "orchestrator"),
        "dev": ("234567890123", "dev"),
        "staging": ("345678901234", "staging"),
        "prod": ("456789012345", "prod"),
    }


def test_accounts_are_declared_and_defaults_replaced(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        """
        [accounts.dev]
        stage = "development"
        [accounts.prod]
        id = "999999999999"
        provider = "aws"
        profile = "company"
        region = "eu-west-1"
        role_arn = "arn:aws:iam::999999999999:role/deployer"
        [accounts.risk]
        id = "888888888888"
        """,
        account="777777777777",
    )
    found = settings.all_accounts()
    assert set(found) == {"orchestrator", "dev", "staging", "prod", "risk"}
    assert (found["dev"].id, found["dev"].stage) == ("234567890123", "development")
    assert (found["prod"].provider, found["prod"].profile) == ("aws", "company")
    assert found["risk"].stage == "risk"
    assert found["orchestrator"].id == "777777777777"
    assert settings.assets_bucket_of("777777777777") == "modelyard-assets-777777777777"
    assert settings.assets_bucket_of("888888888888") == "modelyard-assets-888888888888"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[accounts.a]\nid = "1"', ["accounts.a.id", "exactly 12 digits"]),
        ("[accounts.a]\nid = 111111111111", ["accounts.a.id", "quotes"]),
        ("[accounts.a]", ["accounts.a.id", "exactly 12 digits"]),
        ('[accounts.A]\nid = "111111111111"', ["accounts.A", "small letter"]),
        ('[accounts.dev]\nprofil = "x"', ["accounts.dev.profil", "did you mean profile"]),
        ('[accounts.dev]\nprovider = "gcp"', ["accounts.dev.provider", "neither local nor aws"]),
        ('[accounts.dev]\nprovider = "aws"', ["accounts.dev.profile", "is missing"]),
        ('[accounts.dev]\nprofile = "x"', ["accounts.dev.profile", "aws only"]),
        (
            '[accounts.dev.compute]\ndefault = "cloud"',
            ["accounts.dev.compute.default", "'cloud' is none of sandbox, container, ray"],
        ),
        (
            '[accounts.dev.compute]\ndefault = "ray"',
            ["accounts.dev.compute.ray.address", "is missing"],
        ),
        (
            '[accounts.dev]\ncompute.ray.address = "ray://host"',
            ["accounts.dev.compute.ray.address", "no address such as 10.0.0.5:6379"],
        ),
        (
            '[accounts.dev]\ncompute.ray.server_url = "modelyard"',
            ["accounts.dev.compute.ray.server_url", "no URL such as"],
        ),
        ("[accounts.dev]\ncompute.image = 3", ["accounts.dev.compute.image", "in quotes"]),
        ('[accounts.dev]\ncompute = "ray"', ["accounts.dev.compute", "did you mean compute."]),
        (
            '[accounts.dev]\nprovider = "aws"\nprofile = "p"\nrole_arn = "r"',
            ["accounts.dev.role_arn", "no role's ARN"],
        ),
        ("accounts = 1", ["accounts", "tables of the settings file"]),
        ("[accounts]\ndev = 1", ["accounts.dev", "is a table"]),
        (
            '[accounts.a]\nid = "111111111111"\n[accounts.b]\nid = "111111111111"',
            ["accounts.b.id", "111111111111 is the id of the account a too"],
        ),
        (
            '[accounts.test]\nid = "234567890123"',
            ["accounts.test.id", "the id of the account dev too"],
        ),
        (
            '[accounts.test]\nid = "123456789012"',
            ["accounts.test.id", "the id of the account orchestrator too"],
        ),
        ('[accounts.orchestrator]\nid = "111111111111"', ["accounts.orchestrator.id", "account"]),
    ],
)
def test_what_is_wrong_is_said_with_file_and_key(
    tmp_path: Path, text: str, said: list[str]
) -> None:
    (problem,) = problems(tmp_path, text)
    for part in [*said, str(tmp_path / "modelyard.toml")]:
        assert part in problem


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    text = '[accounts.a]\nid = "1"\nprovider = "x"\n[accounts.B]\nid = "2"\nstage = "!"'
    assert len(problems(tmp_path, text)) == 5


def test_an_orchestrator_with_a_defaults_id_is_told(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "", account="234567890123")
    assert "234567890123" in problem
    assert set(default_accounts("234567890123")) == {"orchestrator", "dev", "staging", "prod"}
