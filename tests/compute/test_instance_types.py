"""Instance types and their prices."""

from __future__ import annotations

import botocore.session
import pytest

from modelyard.compute.instance_types import (
    UnknownInstanceTypeError,
    instance_type,
    instance_types,
)


@pytest.mark.parametrize(
    ("name", "vcpus", "memory", "gpus", "price"),
    [
        ("ml.m4.xlarge", 4, 16, 0, 0.24),
        ("ml.m4.10xlarge", 40, 160, 0, 2.4),
        ("ml.m5.large", 2, 8, 0, 0.115),
        ("ml.m5.2xlarge", 8, 32, 0, 0.461),
        ("ml.m5.24xlarge", 96, 384, 0, 5.53),
        ("ml.c5.9xlarge", 36, 72, 0, 1.836),
        ("ml.c5n.xlarge", 4, 10.5, 0, 0.259),
        ("ml.r5.4xlarge", 16, 128, 0, 1.21),
        ("ml.c4.8xlarge", 36, 60, 0, 1.909),
        ("ml.t2.medium", 2, 4, 0, 0.056),
        ("ml.p3.2xlarge", 8, 61, 1, 3.825),
        ("ml.g4dn.xlarge", 4, 16, 1, 0.736),
        ("ml.g5.48xlarge", 192, 768, 8, 20.36),
        ("ml.trn1.32xlarge", 128, 512, 16, None),
    ],
)
def test_a_type_has_its_published_size_and_price(
    name: str, vcpus: int, memory: float, gpus: int, price: float | None
) -> None:
    kind = instance_type(name)
    assert (kind.vcpus, kind.memory_gib, kind.gpus, kind.usd_per_hour) == (
        vcpus,
        memory,
        gpus,
        price,
    )


def test_every_type_has_room_for_a_program_and_a_positive_price_or_none() -> None:
    for kind in instance_types().values():
        assert kind.vcpus >= 2
        assert kind.memory_gib >= 1.8 * kind.vcpus or kind.name.startswith("ml.c4")
        assert kind.usd_per_hour is None or kind.usd_per_hour > 0


def test_the_types_of_the_api_model_are_known_but_the_newest_accelerators() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    resources = model.shape_for("ResourceConfig")
    offered = set(resources.members["InstanceType"].enum)  # type: ignore[attr-defined]  # stubs
    unknown = {name.split(".")[1] for name in offered - set(instance_types())}
    assert unknown == {"p6-b200", "p6-b300", "p6e-gb200", "g7", "g7e"}


@pytest.mark.parametrize(
    ("name", "near"),
    [("ml.m5.xlage", "ml.m5.xlarge"), ("m5.xlarge", "ml.m5.xlarge"), ("", "ml.m5.large")],
)
def test_an_unknown_type_is_refused_with_those_most_like_it(name: str, near: str) -> None:
    with pytest.raises(UnknownInstanceTypeError, match=near):
        instance_type(name)
