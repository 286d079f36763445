"""The pages about pipelines hold: what is generated is new, and what is shown is accepted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.orchestrator.attribute_reference import page
from modelyard.orchestrator.blueprints import PIPELINE_TYPES
from modelyard.store.s3_uris import S3Uri
from tests.orchestrator.platform import ASSETS, IMAGE, Platform
from tests.orchestrator.test_guide import monitoring
from tests.orchestrator.world import ACCOUNT, new_store

DOCS = Path(__file__).parents[2] / "docs"
_SECTION = re.compile(r"^## .*: (\w+)$", re.MULTILINE)
_JSON = re.compile(r"^```json\n(\{.*?\})\n```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#]*)(#[^)]*)?\)")
_BUCKET = "modelyard-assets-123456789012"
_CUSTOM_IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/scorer:1"
TABLE = b"income,sex\n1,0\n"
FILES = {
    "census/train.csv": b"1,2\n",
    "census/validation.csv": b"1,2\n",
    "census/rows.csv": b"2\n",
    "census/typical.csv": b"2\n",
    "census/table.csv": TABLE,
    "census/answered.csv": b"prediction,probability,income\n1,0.9,1\n",
    "trained/census-1/output/model.tar.gz": b"content",
    "scorer/model.tar.gz": b"content",
    "images/scorer.zip": b"content",
}


def shown() -> dict[str, list[dict[str, Any]]]:
    """Return the requests of the page on pipelines, by the type that their section is about."""
    parts = _SECTION.split((DOCS / "pipelines.md").read_text())
    sections = zip(parts[1::2], parts[2::2], strict=True)
    return {kind: [json.loads(found) for found in _JSON.findall(text)] for kind, text in sections}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with new_store() as store:
        made = Platform(store, tmp_path_factory.mktemp("platform"))
        made.retrieve = lambda *_what: IMAGE
        made.table.add(monitoring())
        for key, content in FILES.items():
            made.objects.of(ACCOUNT).put_bytes(S3Uri(ASSETS, key), content)
        yield made


def test_the_page_of_attributes_is_what_the_blueprints_say() -> None:
    assert (DOCS / "attributes.md").read_text() == page(), "run: make docs"


@pytest.mark.parametrize("kind", PIPELINE_TYPES.values(), ids=lambda kind: str(kind.name))
def test_every_attribute_says_what_it_is(kind: Any) -> None:
    parameters = kind.source["Parameters"]
    silent = [
        one.name
        for one in kind.attributes
        if not one.meaning and not parameters.get(one.parameter, {}).get("Description")
    ]
    assert silent == []


def test_every_pipeline_type_has_a_section_with_requests_of_its_own() -> None:
    found = shown()
    assert sorted(found) == sorted(PIPELINE_TYPES)
    for kind, bodies in found.items():
        assert bodies
        assert {body["pipeline_type"] for body in bodies} == {kind}


@pytest.mark.parametrize("kind", PIPELINE_TYPES)
async def test_the_requests_that_are_shown_are_accepted(platform: Platform, kind: str) -> None:
    for body in shown()[kind]:
        text = json.dumps(body).replace(_BUCKET, ASSETS).replace(_CUSTOM_IMAGE, IMAGE)
        answer = await platform.ask("/provisionpipeline", text.encode())
        assert answer.status == 200, answer.text
        assert list(answer.json) == ["message", "pipeline_id"]
        assert answer.json["message"] == "success: stack creation started"


def test_the_first_page_leads_to_every_other_one() -> None:
    pages = {path.name for path in DOCS.glob("*.md")}
    assert _targets(DOCS / "README.md") >= pages - {"README.md"}


@pytest.mark.parametrize("name", sorted(path.name for path in DOCS.glob("*.md")))
def test_no_page_leads_nowhere(name: str) -> None:
    missing = {target for target in _targets(DOCS / name) if not (DOCS / target).exists()}
    assert missing == set()


def _targets(path: Path) -> set[str]:
    """Return the files that a page leads to."""
    found = {target for target, _ in _LINK.findall(path.read_text())}
    return {target for target in found if target and "://" not in target}
