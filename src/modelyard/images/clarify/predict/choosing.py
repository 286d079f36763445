"""Which predictor a job asks: a serving program, or the model's files themselves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.images.clarify.config.sections import AnalysisConfig
from modelyard.images.clarify.predict._base import Predictor
from modelyard.images.clarify.predict.answers import CSV, JSON_LINES, Places
from modelyard.images.clarify.predict.model_files import TreeModel, load
from modelyard.images.clarify.predict.requests import RequestWriter
from modelyard.images.clarify.predict.serving import ServingProgram, concurrency_of
from modelyard.images.clarify.settings import Settings
from modelyard.images.processing import log
from modelyard.images.processing.errors import ClientError

_TABLES = ("application/x-parquet", "application/sagemakercapturejson")


@dataclass(frozen=True, kw_only=True)
class Predictors:
    """What answers, and the model whose trees may explain themselves."""

    asked: Predictor
    trees: TreeModel | None


def predictors(settings: Settings, config: AnalysisConfig) -> Predictors:
    """Return the predictor, ready to be asked.

    The serving program answers where there is one: the model's own code may stand in it. The files
    answer where they are all that there is.

    Raises:
        ClientError: there is neither, or it is not ready.
    """
    if config.predictor is None:
        raise ClientError("The model is needed, and the configuration has no predictor")
    urls, folder = settings.predictor_urls, settings.model_folder
    if not urls and folder is None:
        raise ClientError(
            f"The model {config.predictor.model or ''} is needed, and neither "
            "CLARIFY_PREDICTOR_URL says where its serving program listens, nor CLARIFY_MODEL_DIR "
            "where its files are"
        )
    if not urls:
        model = _loaded(settings)
        return Predictors(asked=model, trees=model)
    program = _program(urls, config)
    program.wait(settings.predictor_wait_seconds)
    try:
        trees = None if folder is None else _loaded(settings)
    except ClientError as error:
        log.info(f"the model's files are of no use for tree SHAP: {error}")
        trees = None
    return Predictors(asked=program, trees=trees)


def _loaded(settings: Settings) -> TreeModel:
    if settings.model_folder is None:
        raise ClientError("CLARIFY_MODEL_DIR is not given")
    return load(settings.model_folder)


def _program(urls: Sequence[str], config: AnalysisConfig) -> ServingProgram:
    section = config.predictor
    if section is None:
        raise ClientError("The configuration has no predictor")
    kind = section.content_type or (CSV if config.dataset_type in _TABLES else config.dataset_type)
    if kind != CSV and section.content_template is None and kind != JSON_LINES:
        raise ClientError(
            f"predictor.content_type is {kind}, which needs content_template and record_template"
        )
    return ServingProgram(
        urls,
        writer=RequestWriter(kind, section.content_template, section.record_template),
        accept=section.accept or kind,
        places=Places(label=section.label, probability=section.probability),
        custom_attributes=section.custom_attributes,
        concurrency=concurrency_of(os.environ),
    )
