"""Endpoints as a worker holds them in memory, loaded from a routing snapshot.

Surge, then drain: what a new snapshot needs is loaded and proven first, then the table is replaced
in one assignment; requests in flight hold what they began with, and when the last of them is done
it is freed. An endpoint that fails to load stays as it was.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from modelyard.gateway import conversion, prepared, proof
from modelyard.gateway.capture import Destination
from modelyard.gateway.counters import Counters
from modelyard.gateway.encoding import Encoders
from modelyard.gateway.engines import OnnxEngine, Predictions, Rows, XGBoostEngine
from modelyard.gateway.errors import GatewayError
from modelyard.gateway.exchange import header_line
from modelyard.gateway.inference_output import VARIABLE, Selection
from modelyard.gateway.program_pool import ProgramPool
from modelyard.gateway.routes import Endpoint, Model, Programs, Routes, Variant

#: How many of the proof's rows a worker compares again when it loads a model.
_PROOF_ROWS = 64


class ServedModel:
    """One model in memory. Safe to use from any thread.

    Raises:
        ValueError: the folder was not prepared.
        OSError: or is gone.
    """

    def __init__(self, folder: Path) -> None:
        facts = prepared.read(folder)
        self.features = facts.features
        self.objective = facts.objective
        self.classes = facts.classes
        self._xgboost = XGBoostEngine(
            (folder / facts.file).read_bytes(),
            iterations=facts.iterations,
            inplace=facts.inplace,
        )
        self._onnx: OnnxEngine | None = None
        self._onnx_rows = 0
        if facts.onnx is not None:
            self._onnx = conversion.engine(
                folder / facts.onnx.file, facts.onnx, outputs=facts.outputs
            )
            self._onnx_rows = facts.onnx.max_rows
        self._prove()

    def predict(self, rows: Rows) -> Predictions:
        """Return the predictions for rows (any number, features)."""
        if self._onnx is not None and len(rows) <= self._onnx_rows:
            return self._onnx.predict(rows)
        return self._xgboost.predict(rows)

    def _prove(self) -> None:
        """Compare the engines once more, in this very process."""
        rows = proof.telling_rows([_ZERO] * self.features, _PROOF_ROWS)
        expected = self._xgboost.predict(rows)
        if self._onnx is not None:
            different = proof.difference(expected, self._onnx.predict(rows))
            if different is not None:
                raise ValueError(f"the model's two engines disagree: {different}")


@dataclass(frozen=True, kw_only=True)
class InMemory:
    """A model of the worker's own, and how its answers are written."""

    model: ServedModel
    encoders: Encoders


@dataclass(frozen=True, kw_only=True)
class ServedVariant:
    """One production variant, with all that an answer of it needs."""

    name: str
    weight: float
    model: InMemory | ProgramPool
    counters: Counters
    capture: Destination | None
    header: bytes  # the line that names it


@dataclass(frozen=True, kw_only=True)
class ServedEndpoint:
    """One endpoint."""

    variants: Mapping[str, ServedVariant]
    ordered: tuple[ServedVariant, ...]
    bounds: tuple[float, ...]  # the weights, added up

    def choose(self) -> ServedVariant:
        """Return a variant by chance, each as likely as its weight says.

        Raises:
            GatewayError: none has a weight.
        """
        if self.bounds[-1] <= 0:
            raise GatewayError(
                400,
                "ValidationError",
                "All variants of the endpoint have the weight 0: name one as TargetVariant.",
            )
        if len(self.ordered) == 1:
            return self.ordered[0]
        return random.choices(self.ordered, cum_weights=self.bounds)[0]  # noqa: S311 - no secret

    def named(self, name: str) -> ServedVariant:
        """Return a variant by its name.

        Raises:
            GatewayError: there is none of that name.
        """
        found = self.variants.get(name)
        if found is None:
            raise GatewayError(
                400,
                "ValidationError",
                f"Variant {name!r} not found for Request. "
                f"The endpoint has {', '.join(self.variants)}.",
            )
        return found


class Loader:
    """Makes tables of routing snapshots; models and counters that stay are taken over."""

    def __init__(self) -> None:
        self._models: dict[str, ServedModel] = {}
        self._counters: dict[tuple[str, str], Counters] = {}

    def load(
        self, routes: Routes, former: Mapping[str, ServedEndpoint]
    ) -> tuple[dict[str, ServedEndpoint], dict[str, str]]:
        """Return the new table, and why endpoints failed by their key. Takes its time."""
        table: dict[str, ServedEndpoint] = {}
        failed: dict[str, str] = {}
        for key, endpoint in routes.endpoints.items():
            try:
                table[key] = self._endpoint(key, endpoint)
            except Exception as error:  # a model may fail in any way, and must fail alone
                failed[key] = str(error) or repr(error)
                if key in former:
                    table[key] = former[key]
        self._forget(table)
        return table, failed

    def tallies(self) -> dict[str, dict[str, dict[str, object]]]:
        """Return the counters by endpoint and variant; `load` may be under way."""
        told: dict[str, dict[str, dict[str, object]]] = {}
        for (key, variant), counters in list(self._counters.items()):
            told.setdefault(key, {})[variant] = counters.snapshot()._asdict()
        return told

    def _endpoint(self, key: str, endpoint: Endpoint) -> ServedEndpoint:
        if not endpoint.variants:
            raise ValueError("the endpoint has no variants")
        served = tuple(self._variant(key, endpoint, variant) for variant in endpoint.variants)
        return ServedEndpoint(
            variants={variant.name: variant for variant in served},
            ordered=served,
            bounds=tuple(accumulate(variant.weight for variant in served)),
        )

    def _variant(self, key: str, endpoint: Endpoint, variant: Variant) -> ServedVariant:
        capture = endpoint.capture
        return ServedVariant(
            name=variant.name,
            weight=variant.weight,
            model=self._served(variant.model),
            counters=self._counters.setdefault((key, variant.name), Counters()),
            capture=None if capture is None else Destination.of(capture, variant.name),
            header=header_line("x-Amzn-Invoked-Production-Variant", variant.name),
        )

    def _served(self, model: Model | Programs) -> InMemory | ProgramPool:
        if isinstance(model, Programs):
            return ProgramPool(model)
        found = self._model(model)
        wanted = model.environment.get(VARIABLE)
        selection = None if wanted is None else Selection(wanted, found.objective, found.classes)
        return InMemory(model=found, encoders=Encoders(model.environment, selection))

    def _model(self, model: Model) -> ServedModel:
        if model.image != "xgboost":
            raise ValueError(f"the gateway serves no image {model.image!r}: it serves 'xgboost'")
        found = self._models.get(model.folder)
        if found is None:
            found = self._models[model.folder] = ServedModel(Path(model.folder))
        return found

    def _forget(self, table: Mapping[str, ServedEndpoint]) -> None:
        """Let go of what no endpoint uses."""
        served = [(key, variant) for key in table for variant in table[key].ordered]
        models = {
            id(variant.model.model) for _, variant in served if isinstance(variant.model, InMemory)
        }
        self._models = {k: model for k, model in self._models.items() if id(model) in models}
        names = {(key, variant.name) for key, variant in served}
        self._counters = {k: counted for k, counted in self._counters.items() if k in names}


_ZERO = np.zeros(1, dtype=np.float32)
