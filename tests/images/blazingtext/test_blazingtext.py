"""The program: trained on real text, the descriptions of data in scikit-learn, and served."""

from __future__ import annotations

import json
import re
from pathlib import Path

import gensim
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

from modelyard.images.blazingtext.metric_definitions import METRIC_DEFINITIONS
from tests.images.programs import served, train

DESCRIPTIONS = {
    "cancer": load_breast_cancer().DESCR,
    "diabetes": load_diabetes().DESCR,
    "digits": load_digits().DESCR,
    "wine": load_wine().DESCR,
}


def windows(text: str, length: int = 12) -> list[str]:
    words = re.findall(r"[a-z]+", text.lower())
    return [" ".join(words[at : at + length]) for at in range(0, len(words) - length, 3)]


TEXTS = [
    (f"__label__{name}", window) for name, text in DESCRIPTIONS.items() for window in windows(text)
]
TRAIN = "\n".join(f"{label} {text}" for label, text in TEXTS[::2]).encode()
HELD = TEXTS[1::2]
SENTENCES = "\n".join(text for _, text in TEXTS * 3).encode()


def test_texts_are_classified(tmp_path: Path) -> None:
    held = "\n".join(f"{label} {text}" for label, text in HELD).encode()
    done = train(
        "blazingtext",
        tmp_path,
        {"mode": "supervised", "epochs": "30", "min_count": "1", "vector_dim": "20"}
        | {"learning_rate": "0.3", "early_stopping": "True", "patience": "5"},
        {"train": TRAIN, "validation": held},
        content_type="text/plain",
    )
    assert done.code == 0, done.log
    metrics = done.metrics(METRIC_DEFINITIONS)
    assert metrics["validation:accuracy"] > 0.9
    assert metrics["train:accuracy"] > 0.95
    with served("blazingtext", tmp_path) as server:
        texts = [text for _, text in HELD[:20]]
        said = server.json({"instances": texts, "configuration": {"k": 2}})
        line = json.dumps({"source": texts[0], "k": 2}).encode()
        kind = "application/jsonlines"
        assert json.loads(server.ask(line, kind, kind)[1]) == said[0]
        assert len(server.json({"instances": ["zzzz"]})[0]["label"]) == 1
        assert server.ask(b'{"instances":[1]}', "application/json")[0] == 400
        assert server.ask(b"x", "text/csv")[0] == 415
    assert [len(one["prob"]) for one in said] == [2] * 20
    assert all(one["prob"][0] >= one["prob"][1] for one in said)
    hits = [one["label"][0] == label for one, (label, _) in zip(said, HELD, strict=False)]
    assert np.mean(hits) > 0.8


@pytest.mark.parametrize("subwords", ["False", "True"])
def test_words_become_vectors(tmp_path: Path, subwords: str) -> None:
    done = train(
        "blazingtext",
        tmp_path,
        {"mode": "skipgram", "vector_dim": "16", "min_count": "2", "subwords": subwords}
        | {"buckets": "5000", "epochs": "3"},
        {"train": SENTENCES},
        content_type="text/plain",
    )
    assert done.code == 0, done.log
    path = str(tmp_path / "model" / "vectors.txt")
    vectors = gensim.models.KeyedVectors.load_word2vec_format(path, binary=False)
    assert json.loads((tmp_path / "model" / "eval.json").read_text())["EN-WS-353-ALL.txt"]
    with served("blazingtext", tmp_path) as server:
        known, unknown = server.json({"instances": ["cancer", "cancerous"]})
    assert np.allclose(known["vector"], vectors["cancer"], atol=1e-6)
    assert known["word"] == "cancer"
    # Pieces of "cancerous" are those of "cancer": with subwords it has a vector that is near.
    assert (np.linalg.norm(unknown["vector"]) > 0) == (subwords == "True")


@pytest.mark.parametrize(
    ("hyperparameters", "channels", "says"),
    [
        ({}, {"train": b"a"}, "mode is required"),
        ({"mode": "cbow", "patience": "3"}, {"train": b"a"}, "patience is not for mode=cbow"),
        ({"mode": "supervised"}, {"train": b"__label__1 a\nb"}, "line 2: there is no label"),
        ({"mode": "supervised"}, {"train": b"__label__1 a\n"}, "one label only"),
        ({"mode": "cbow"}, {"train": b"a b"}, "no word occurs min_count=5 times"),
        ({"mode": "supervised"}, {"train": b"\xff\xfe"}, "not text in UTF-8"),
    ],
)
def test_what_is_wrong_is_in_the_failure_file(
    tmp_path: Path, hyperparameters: dict[str, str], channels: dict[str, bytes], says: str
) -> None:
    done = train("blazingtext", tmp_path, hyperparameters, channels, content_type="text/plain")
    assert done.failure.startswith("ClientError: ")
    assert says in done.failure
