"""The feature specification: which columns are learnt from, and what they are.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AutoMLCandidateGenerationConfig.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modelyard.images.autopilot.columns import Kind
from modelyard.images.training.channels import Channel, files
from modelyard.images.training.errors import ClientError

CHANNEL = "specification"
_KINDS: Mapping[str, Kind] = {
    "numeric": "numeric",
    "categorical": "category",
    "text": "text",
    "datetime": "date",
}


@dataclass(frozen=True, kw_only=True)
class Specification:
    """What is said of columns."""

    chosen: Sequence[str] | None = None  # None: all of them
    kinds: Mapping[str, Kind] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """All columns that it names."""
        return [*dict.fromkeys([*(self.chosen or ()), *self.kinds])]

    def left_out(self, columns: Sequence[str]) -> list[str]:
        """Return the columns that are not learnt from."""
        if self.chosen is None:
            return []
        return [name for name in columns if name not in self.chosen]


def specification_of(channel: Channel | None) -> Specification:
    """Read a job's feature specification, if it has one.

    Raises:
        ClientError: it is none that is understood.
    """
    if channel is None:
        return Specification()
    found = files(channel.folder)
    if len(found) != 1:
        raise ClientError(f"the feature specification must be one file, and there are {len(found)}")
    try:
        data = json.loads(found[0][1].read_text())
        chosen = data.get("FeatureAttributeNames")
        kinds = dict(data.get("FeatureDataTypes", {}))
        right = chosen is None or (
            isinstance(chosen, list) and all(isinstance(name, str) for name in chosen)
        )
    except (ValueError, AttributeError, TypeError) as error:
        raise ClientError(f"the feature specification is no JSON object: {error}") from error
    if not right:
        raise ClientError("FeatureAttributeNames must be a list of columns' names")
    unknown = [str(kind) for kind in kinds.values() if kind not in _KINDS]
    if unknown:
        raise ClientError(f"FeatureDataTypes has {unknown[0]!r}: use one of {', '.join(_KINDS)}")
    return Specification(
        chosen=chosen, kinds={name: _KINDS[str(kind)] for name, kind in kinds.items()}
    )
