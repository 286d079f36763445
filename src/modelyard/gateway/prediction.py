"""What a model in the worker's own memory makes of a request: decode, predict, encode."""

from __future__ import annotations

import time

from modelyard.gateway.decoding import decoder_for
from modelyard.gateway.exchange import CUSTOM_ATTRIBUTES, Request, Response, status_line
from modelyard.gateway.outcomes import Outcome, head_of
from modelyard.gateway.serving import InMemory, ServedVariant


def predict(
    request: Request, variant: ServedVariant, served: InMemory, started: float, event_id: str
) -> Outcome:
    """Return what the variant's model makes of the request.

    Raises:
        ModelRefusal: it makes nothing of it.
    """
    headers = request.headers
    head = head_of(variant, event_id, headers.get(CUSTOM_ATTRIBUTES))
    if not request.body:
        # The XGBoost container has no prediction for nothing, and says so with a success.
        return Outcome(
            Response(204, status_line(204) + head, b""),
            variant=variant,
            status=204,
            event_id=event_id,
        )
    model = served.model
    rows = decoder_for(headers.get(b"content-type", b""))(request.body, model.features)
    encoder = served.encoders.choose(headers.get(b"accept", b"*/*"))
    output = encoder.encode(model.predict(rows))
    return Outcome(
        Response(200, status_line(200) + head + encoder.header, output),
        variant=variant,
        status=200,
        model_seconds=time.perf_counter() - started,
        content_type=encoder.content_type,
        event_id=event_id,
    )
