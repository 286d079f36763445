"""InputFilter, JoinSource and OutputFilter: from a record to the model, and from its answer on.

Where a job asks for it, every record that is written bears an inference id, a random UUID, and the
time at which the job began: the last two columns of CSV, two members of JSON. Labels that come
later are matched by the id.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html
"""

from __future__ import annotations

import uuid
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
    looks_into = plan.join_input or plan.inference_time is not None
    if before.is_root and after.is_root and not looks_into:
        return Unprocessed()
    return Processed(
        before,
        after,
        join=plan.join_input,
        inference_time=plan.inference_time,
        one_each=plan.split != "None",
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
        inference_time: when the job began, where records are to bear ids.
        one_each: whether the model must give one prediction for each record that bears an id.
        form: of the inputs; likewise `answers`, of the model's.
    """

    def __init__(
        self,
        before: JsonPath,
        after: JsonPath,
        *,
        join: bool,
        inference_time: str | None = None,
        one_each: bool = True,
        form: RecordFormat,
        answers: RecordFormat,
    ) -> None:
        self._before = before
        self._after = after
        self._join = join
        self._inference_time = inference_time
        self._one_each = one_each
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
        time = self._inference_time
        if not self._join and self._after.is_root and time is None:
            return answer
        records = self._predictions(answer)
        if time is not None and self._one_each and len(records) != payload.count:
            raise InputError(
                f"the model gave {len(records)} predictions for {payload.count} records, so they "
                "cannot bear inference ids: it must give one for each"
            )
        if self._join:
            records = self._joined(self._form.parse(payload.body), records)
        kept = (
            _filtered(self._after, record, "OutputFilter", number)
            for number, record in enumerate(records, 1)
        )
        if time is not None:
            kept = (self._answers.identify(record, str(uuid.uuid4()), time) for record in kept)
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
