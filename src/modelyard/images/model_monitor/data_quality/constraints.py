"""constraints.json: what data must be like, suggested from a baseline, or read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.images.model_monitor.data_quality.profiles import (
    FRACTIONAL,
    INTEGRAL,
    STRING,
    ColumnProfile,
    DatasetProfile,
)
from modelyard.images.model_monitor.data_quality.significance import ALARM_LEVEL
from modelyard.images.processing.errors import ClientError

#: Deequ's bound for what it calls a category.
MOST_DOMAIN_VALUES = 120
MOST_SINGLE_SHARE = 0.1

_COMPLETENESS_DEVIATIONS = 1.96  # Deequ's RetainCompletenessRule
_UNSEEN_DEVIATIONS = 3.0


def document(profile: DatasetProfile, *, categorical_drift_method: str) -> dict[str, Any]:
    """Return the constraints that a baseline suggests."""
    categorical = 0.1 if categorical_drift_method == "LInfinity" else ALARM_LEVEL
    return {
        "version": 0.0,
        "features": [_feature(name, column) for name, column in profile.columns.items()],
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "emit_metrics": "Enabled",
            "datatype_check_threshold": 1.0,
            "domain_content_threshold": 1.0,
            "distribution_constraints": {
                "perform_comparison": "Enabled",
                "comparison_threshold": 0.1,
                "comparison_method": "Robust",
                "categorical_comparison_threshold": categorical,
                "categorical_drift_method": categorical_drift_method,
            },
        },
    }


def _feature(name: str, column: ColumnProfile) -> dict[str, Any]:
    kind = column.inferred_type
    feature: dict[str, Any] = {
        "name": name,
        "inferred_type": kind,
        "completeness": _completeness(column),
    }
    if kind in (INTEGRAL, FRACTIONAL) and column.numbers.count:
        feature["num_constraints"] = {"is_non_negative": column.numbers.low >= 0}
    counts = column.texts.counts
    if kind == STRING and counts and _are_categories(counts):
        feature["string_constraints"] = {"domains": sorted(counts)}
        unseen = _unseen_share(counts)
        if unseen:
            known = math.floor((1 - unseen) * 1e6) / 1e6
            feature["monitoringConfigOverrides"] = {"domain_content_threshold": known}
    return feature


def _completeness(column: ColumnProfile) -> float:
    """Return the share of present cells: 1, or else the lower end of its confidence interval."""
    total = column.present + column.missing
    if not total or not column.missing:
        return 1.0
    share = column.present / total
    margin = _COMPLETENESS_DEVIATIONS * math.sqrt(share * (1 - share) / total)
    return max(0.0, math.floor((share - margin) * 100) / 100)


def _are_categories(counts: Mapping[str, int]) -> bool:
    single = sum(count == 1 for count in counts.values())
    return len(counts) <= MOST_DOMAIN_VALUES and single <= MOST_SINGLE_SHARE * len(counts)


def _unseen_share(counts: Mapping[str, int]) -> float:
    """Return an upper bound of the share of values that a baseline by chance does not hold.

    Good (The Population Frequencies of Species, 1953): it is the share of the values seen once.
    Where there are none, the baseline is taken to hold them all.
    """
    single = sum(count == 1 for count in counts.values())
    return (single + _UNSEEN_DEVIATIONS * math.sqrt(single)) / sum(counts.values())


@dataclass(frozen=True, kw_only=True)
class MonitoringConfig:
    """How a feature is checked."""

    evaluates: bool = True
    emits_metrics: bool = True
    datatype_threshold: float = 1.0
    domain_threshold: float = 1.0
    compares: bool = True
    comparison_threshold: float = 0.1
    comparison_method: str = "Robust"
    categorical_threshold: float | None = None
    categorical_method: str = "LInfinity"

    @property
    def robust(self) -> bool:
        """Whether what chance can do is taken off a distance."""
        return self.comparison_method == "Robust"

    @classmethod
    def read(cls, config: Mapping[str, Any], problems: list[str], where: str) -> MonitoringConfig:
        """Read a `monitoring_config`; what is wrong with it is added to `problems`."""
        spread = config.get("distribution_constraints") or {}
        # The reference's own schema page spells it so.
        method = spread.get("comparison_method", spread.get("comparion_method", "Robust"))
        drift = spread.get("categorical_drift_method", "LInfinity")
        _one_of(method, ("Simple", "Robust"), f"{where}comparison_method", problems)
        _one_of(drift, ("LInfinity", "ChiSquared"), f"{where}categorical_drift_method", problems)
        categorical = spread.get("categorical_comparison_threshold")
        return cls(
            evaluates=config.get("evaluate_constraints", "Enabled") == "Enabled",
            emits_metrics=config.get("emit_metrics", "Enabled") == "Enabled",
            datatype_threshold=float(config.get("datatype_check_threshold", 1.0)),
            domain_threshold=float(config.get("domain_content_threshold", 1.0)),
            compares=spread.get("perform_comparison", "Enabled") == "Enabled",
            comparison_threshold=float(spread.get("comparison_threshold", 0.1)),
            comparison_method=method,
            categorical_threshold=None if categorical is None else float(categorical),
            categorical_method=drift,
        )


@dataclass(frozen=True, kw_only=True)
class FeatureConstraint:
    """What one column must be like."""

    name: str
    inferred_type: str
    completeness: float
    domains: frozenset[str] | None
    config: MonitoringConfig


def read(document: Mapping[str, Any]) -> tuple[list[FeatureConstraint], MonitoringConfig]:
    """Read a constraints.json: the columns' constraints in order, and what holds for all of them.

    Raises:
        ClientError: something in it makes no sense; all of it is told at once.
    """
    problems: list[str] = []
    general = document.get("monitoring_config") or {}
    config = _config(general, problems, "")
    features = []
    for feature in document.get("features") or []:
        name = feature.get("name")
        overrides = feature.get("monitoringConfigOverrides") or {}
        features.append(
            FeatureConstraint(
                name=name,
                inferred_type=feature.get("inferred_type", "Unknown"),
                completeness=float(feature.get("completeness", 0.0)),
                domains=_domains(feature),
                config=_config(_merged(general, overrides), problems, f"{name}: "),
            )
        )
    if problems:
        raise ClientError(f"baseline_constraints: {'; '.join(dict.fromkeys(problems))}")
    return features, config


def _config(config: Mapping[str, Any], problems: list[str], where: str) -> MonitoringConfig:
    try:
        return MonitoringConfig.read(config, problems, where)
    except (TypeError, ValueError) as error:
        problems.append(f"{where}{error}")
        return MonitoringConfig()


def _merged(general: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**general, **overrides}
    both = (general.get("distribution_constraints"), overrides.get("distribution_constraints"))
    merged["distribution_constraints"] = {**(both[0] or {}), **(both[1] or {})}
    return merged


def _domains(feature: Mapping[str, Any]) -> frozenset[str] | None:
    domains = (feature.get("string_constraints") or {}).get("domains")
    return None if domains is None else frozenset(map(str, domains))


def _one_of(value: object, offered: tuple[str, ...], name: str, problems: list[str]) -> None:
    if value not in offered:
        problems.append(f"{name} {value!r} must be one of {', '.join(offered)}")
