"""A model that the gateway serves, in this process: the same decoding, engines and encoding."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from modelyard.batch import csv_rows
from modelyard.batch.errors import BatchError, Refused
from modelyard.batch.plan import DEFAULT_MAX_PAYLOAD_MIB, Plan
from modelyard.batch.scorers._base import Preferences
from modelyard.gateway.decoding import DEFAULT_CONTENT_TYPE, Decoder, decoder_for
from modelyard.gateway.decoding import csv as gateway_csv
from modelyard.gateway.encoding import Encoders
from modelyard.gateway.errors import ModelRefusal
from modelyard.gateway.inference_output import VARIABLE, Selection
from modelyard.gateway.model_file import ModelFileError
from modelyard.gateway.prepare import prepare
from modelyard.gateway.serving import ServedModel

_THREADS = "OMP_NUM_THREADS"


class GatewayModel:
    """One model, made ready and loaded.

    Args:
        folder: what its archive held; what is found out about it is written there.
        environment: the model's.

    Raises:
        BatchError: it cannot be served, or not as the job asks for.
    """

    def __init__(self, folder: Path, plan: Plan, environment: Mapping[str, str]) -> None:
        single = plan.strategy == "SingleRecord"
        try:
            # The converted model is the faster one of a few rows only.
            prepare(folder, convert=single)
            self._model = ServedModel(folder)
            self._encoder = _encoders(self._model, environment).choose(plan.accept.encode())
            self._decode = _decoder(plan.content_type)
        except (ModelFileError, ModelRefusal, ValueError) as error:
            raise BatchError(str(error)) from error
        self.preferences = Preferences(
            max_payload_mib=DEFAULT_MAX_PAYLOAD_MIB,
            concurrency=_cores(environment),
            strategy="MultiRecord",
        )

    def score(self, body: bytes) -> bytes:
        try:
            if not body:
                raise ModelRefusal(400, "the record is empty")
            with np.errstate(all="ignore"):  # what is out of range is refused, with its place
                rows = self._decode(body, self._model.features)
        except ModelRefusal as refusal:
            raise Refused(refusal.status, refusal.message) from refusal
        return self._encoder.encode(self._model.predict(rows))

    def close(self) -> None:
        """Nothing is held open."""


def _encoders(model: ServedModel, environment: Mapping[str, str]) -> Encoders:
    wanted = environment.get(VARIABLE)
    selection = None if wanted is None else Selection(wanted, model.objective, model.classes)
    return Encoders({**environment, "SAGEMAKER_BATCH": "true"}, selection)


def _decoder(content_type: str) -> Decoder:
    found = decoder_for((content_type or DEFAULT_CONTENT_TYPE).encode())
    return csv_rows.decode if found is gateway_csv.decode else found


def _cores(environment: Mapping[str, str]) -> int:
    """Return how many threads the job is to use."""
    told = environment.get(_THREADS, "")
    return int(told) if told.isdigit() and int(told) else len(os.sched_getaffinity(0))
