from __future__ import annotations

import itertools
import re

import botocore.loaders
import pytest

from modelyard.operations.patterns import compiled

SERVICES = ["sagemaker", "sagemaker-runtime", "logs", "sts", "iam", "cloudformation"]


def patterns_of(service: str) -> dict[str, str]:
    """Return the pattern of every shape of a service that has one."""
    shapes = botocore.loaders.Loader().load_service_model(service, "service-2")["shapes"]
    return {name: shape["pattern"] for name, shape in shapes.items() if "pattern" in shape}


@pytest.mark.parametrize("service", SERVICES)
def test_every_pattern_of_the_services_on_offer_compiles(service: str) -> None:
    patterns = patterns_of(service)
    assert patterns or service == "none"
    for pattern in patterns.values():
        compiled(pattern)


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", ["Straße 7", "価格", "a b=c", ""], ["a#b", "a\nb", "!"]),
        (r"\p{Lu}\P{L}", ["A7", "Ä "], ["a7", "AB"]),
        (r"arn:[\p{Alnum}\-]+", ["arn:aws-cn"], ["arn:aws_cn", "arn:ä"]),
        (r"\p{ASCII}*", ["a\x00\x7f", ""], ["ä"]),
        (r"\A\S[\p{Print}]*\z", ["abc d"], [" abc", "a\n", "aä"]),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", ["a\t\U0001f600"], ["\r"]),
        (r"[\w-_]*", ["a-b_c9"], ["ä", "a b"]),
        (r"([\p{L}]*)${1,128}", ["abc"], ["a-"]),
        (r"[+-.]", ["+", ",", "-", "."], ["/"]),
        (r"\d+", ["12"], ["١٢"]),
    ],
)
def test_a_java_pattern_means_the_same_here(
    pattern: str, fits: list[str], does_not: list[str]
) -> None:
    matches = compiled(pattern).fullmatch
    assert [text for text in fits if matches(text) is None] == []
    assert [text for text in does_not if matches(text) is not None] == []


@pytest.mark.parametrize("pattern", [r"\p{Nonsense}", r"[\P{L}]"])
def test_a_class_that_is_not_translated_is_an_error(pattern: str) -> None:
    with pytest.raises(re.error, match="not known here"):
        compiled(pattern)


@pytest.mark.parametrize(
    ("name", "hostile", "alphabet"),
    [
        ("ClusterSchedulerPriorityClassName", "a" * 20_000 + "!", "a-!"),
        ("RepositoryUrl", "https://" + "a" * 1000 + "!", "a./!"),
    ],
)
def test_an_exponential_pattern_is_replaced_by_an_equal_one(
    name: str, hostile: str, alphabet: str
) -> None:
    pattern = patterns_of("sagemaker")[name]
    assert compiled(pattern).fullmatch(hostile) is None  # the original would take years
    head = hostile[:8] if hostile.startswith("https") else ""
    for length in range(6):
        for letters in itertools.product(alphabet, repeat=length):
            text = head + "".join(letters)
            assert bool(compiled(pattern).fullmatch(text)) == bool(re.fullmatch(pattern, text))
