"""A model that the gateway serves, served alone: `python -m modelyard.batch.serving`.

For jobs that ask a model (`processing.predictor`): the same decoding, engines and encoding as an
endpoint's, under the public hosting contract, so that a job asks every model the same way. The
model is `/opt/ml/model`, which is only read: what is found out about it goes to a temporary folder.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from modelyard.batch import csv_rows
from modelyard.gateway.decoding import DEFAULT_CONTENT_TYPE, Decoder, decoder_for
from modelyard.gateway.decoding import csv as gateway_csv
from modelyard.gateway.encoding import Encoders
from modelyard.gateway.errors import ModelRefusal
from modelyard.gateway.inference_output import VARIABLE, Selection
from modelyard.gateway.model_file import ModelFileError
from modelyard.gateway.prepare import prepare
from modelyard.gateway.serving import ServedModel
from modelyard.images.serving import Answer, Refused, serve


class GatewayScorer:
    """One model, made ready and loaded.

    Args:
        folder: what its archive held; what is found out about it is written there.
        environment: the model's.

    Raises:
        ModelFileError, ValueError: it cannot be served.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        prepare(folder, convert=False)  # the converted model is the faster one of a few rows only
        self._model = ServedModel(folder)
        wanted = environment.get(VARIABLE)
        selection = (
            None
            if wanted is None
            else Selection(wanted, self._model.objective, self._model.classes)
        )
        self._encoders = Encoders(environment, selection)

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Answer one payload; see `images.serving.Scorer`."""
        try:
            encoder = self._encoders.choose(accept.encode())
            with np.errstate(all="ignore"):  # what is out of range is refused, with its place
                rows = _decoder(content_type)(body, self._model.features)
        except ModelRefusal as refusal:
            raise Refused(refusal.status, refusal.message) from refusal
        return Answer(
            body=encoder.encode(self._model.predict(rows)), content_type=encoder.content_type
        )


def _decoder(content_type: str) -> Decoder:
    found = decoder_for((content_type or DEFAULT_CONTENT_TYPE).encode())
    return csv_rows.decode if found is gateway_csv.decode else found


def _load(folder: Path) -> GatewayScorer:
    own = Path(tempfile.mkdtemp(prefix="model-")) / "model"
    shutil.copytree(folder, own)
    return GatewayScorer(own, os.environ)


def main() -> int:
    """Serve until SIGTERM; return the exit code."""
    np.seterr(all="ignore")
    try:
        serve(_load)
    except (ModelFileError, ValueError, OSError) as error:
        sys.stdout.write(f"the model cannot be served: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
