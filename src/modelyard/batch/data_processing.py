"""InputFilter, JoinSource and OutputFilter: from a record to the model, and from its answer on.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

from typing import Any, Protocol

from modelyard.batch.errors import InputError
from modelyard.batch.json_path import JsonPath, NothingFound
from modelyard.batch.payloads import Payload
from modelyard.batch.plan import Plan
from modelyard.batch.record_formats import RecordFormat, format_of


class DataProcessing(Protocol):
    """What is done with a payload ahead of the model, and with the model's answer.

    Both raise InputError, whose `record` counts within the payload.
    """

    def model_input(self, payload: Payload) -> bytes:
        """Return what is sent to the model."""

    def output(self, payload: Payload, answer: bytes) -> bytes:
        """Return what is written."""


def processing_of(plan: Plan) -> DataProcessing:
    """Return what a job asks for."""
    before, after = JsonPath.parse(plan.input_filter), JsonPath.parse(plan.output_filter)
    if before.is_root and after.is_root and not plan.join_input:
        return Unprocessed()
    return Processed(
        before,
        after,
        join=plan.join_input,
        form=format_of(plan.content_type),
        answers=format_of(plan.accept or plan.content_type),
    )


class Unprocessed:
    """Payloads and answers as they are."""

    def model_input(self, payload: Payload) -> bytes:
        return payload.body

    def output(self, payload: Payload, answer: bytes) -> bytes:
        return answer


class Processed:
    """Payloads that are looked into.

    Args:
        before: the InputFilter; likewise `after`, the OutputFilter.
        form: of the inputs; likewise `answers`, of the model's.
    """

    def __init__(
        self,
        before: JsonPath,
        after: JsonPath,
        *,
        join: bool,
        form: RecordFormat,
        answers: RecordFormat,
    ) -> None:
        self._before = before
        self._after = after
        self._join = join
        self._form = form
        self._answers = answers

    def model_input(self, payload: Payload) -> bytes:
        if self._before.is_root:
            return payload.body
        kept = (
            _filtered(self._before, record, "InputFilter", number)
            for number, record in enumerate(self._form.parse(payload.body), 1)
        )
        return b"\n".join(map(self._form.write, kept))

    def output(self, payload: Payload, answer: bytes) -> bytes:
        if not self._join and self._after.is_root:
            return answer
        records = self._predictions(answer)
        if self._join:
            records = self._joined(self._form.parse(payload.body), records)
        kept = (
            _filtered(self._after, record, "OutputFilter", number)
            for number, record in enumerate(records, 1)
        )
        return b"".join(self._answers.write(record) + b"\n" for record in kept)

    def _predictions(self, answer: bytes) -> list[Any]:
        try:
            return self._answers.parse(answer)
        except InputError as error:
            raise InputError(
                f"the model's answer cannot be joined or filtered: {error.message}",
                record=error.record,
            ) from error

    def _joined(self, records: list[Any], predictions: list[Any]) -> list[Any]:
        if len(records) != len(predictions):
            raise InputError(
                f"the model gave {len(predictions)} predictions for {len(records)} records, "
                "so they cannot be joined: it must give one for each"
            )
        return list(map(self._form.join, records, predictions))


def _filtered(path: JsonPath, record: Any, name: str, number: int) -> Any:
    try:
        return path.select(record)
    except NothingFound as error:
        raise InputError(f"the {name} {path} finds nothing: {error}", record=number) from error
