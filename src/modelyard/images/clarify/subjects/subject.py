"""What is analysed: rows, and what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from modelyard.images.clarify.config.sections import AnalysisConfig, Place
from modelyard.images.clarify.data.columns import column_of
from modelyard.images.clarify.predict.prediction import Prediction
from modelyard.images.processing.errors import ClientError


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Rows."""

    columns: Sequence[str]  # of the dataset, in their order: what an index counts
    table: pl.DataFrame  # every column but those of labels
    features: Sequence[str]  # the columns that the model takes
    label: pl.Series | None
    predicted: pl.Series | None = None  # predicted labels that came with the rows
    prediction: Prediction | None = None  # the model's answers that came with the rows
    join: pl.Series | None = None
    remarks: Sequence[str] = field(default_factory=tuple)

    @property
    def model_input(self) -> pl.DataFrame:
        """The rows as the model is asked about them."""
        return self.table.select(self.features)

    def column(self, place: Place, *, what: str) -> pl.Series:
        """Return a column.

        Raises:
            ClientError: there is none; the message names those that there are.
        """
        name = column_of(self.columns, place, what=what)
        if self.label is not None and name == self.label.name:
            return self.label
        return self.table[name]


def of_dataset(frame: pl.DataFrame, config: AnalysisConfig) -> Subject:
    """Return the rows of a dataset, its columns told apart as the configuration says.

    Raises:
        ClientError: a column that it names is not there; all of them are told at once.
    """
    names: dict[str, str] = {}
    problems: list[str] = []
    wanted: list[tuple[str, str, Place | None]] = [
        ("label", "Label", config.label),
        ("predicted", "Predicted label", config.predicted_label),
        ("join", "joinsource_name_or_index", config.join_source),
        ("group", "Group variable", config.group),
        *((f"excluded {place}", "Excluded column", place) for place in config.excluded),
        *((f"facet {facet.place}", "Facet", facet.place) for facet in config.facets),
    ]
    for key, what, place in wanted:
        try:
            if place is not None:
                names[key] = column_of(frame.columns, place, what=what)
        except ClientError as error:
            problems.append(str(error))
    if problems:
        raise ClientError.of(problems)
    excluded = {name for key, name in names.items() if key.startswith("excluded ")}
    labels = [names[key] for key in ("label", "predicted") if key in names]
    aside = {*labels, *excluded, names.get("join")}
    return Subject(
        columns=frame.columns,
        table=frame.drop(labels),
        features=[name for name in frame.columns if name not in aside],
        label=frame[names["label"]] if "label" in names else None,
        predicted=frame[names["predicted"]] if "predicted" in names else None,
        join=frame[names["join"]] if "join" in names else None,
    )
