"""Which record of a refused payload is the one at fault."""

from __future__ import annotations

from modelyard.batch.data_processing import DataProcessing
from modelyard.batch.errors import InputError, Refused
from modelyard.batch.payloads import Payload, Splitter
from modelyard.batch.scorers._base import Scorer


def told(
    payload: Payload,
    refused: Refused,
    *,
    splitter: Splitter,
    processing: DataProcessing,
    scorer: Scorer,
) -> InputError:
    """Return the error that names the first record at fault, and says what the model answered.

    The model is asked again: the shortest beginning of the payload that it refuses ends with it.
    """
    if 400 <= refused.status < 500 and payload.count > 1:
        records = splitter.records(payload.body)

        def refusal(part: list[bytes]) -> Refused | None:
            body = splitter.joined(part)
            piece = Payload(body=body, first=payload.first, count=len(part))
            try:
                scorer.score(processing.model_input(piece))
            except Refused as again:
                return again
            return None

        sound, faulty = 0, len(records)
        while faulty - sound > 1:
            middle = (sound + faulty) // 2
            if refusal(records[:middle]) is None:
                sound = middle
            else:
                faulty = middle
        alone = refusal(records[faulty - 1 : faulty])
        if alone is not None:
            return _error(alone, payload.first + faulty - 1)
    return _error(refused, payload.first)


def _error(refused: Refused, record: int) -> InputError:
    return InputError(f"the model answered {refused.status}: {refused.message}", record=record)
