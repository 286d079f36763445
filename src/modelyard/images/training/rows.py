"""The rows of a job's channels, read whole, for algorithms that hold them in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelyard.images.training import log
from modelyard.images.training.channels import Channel
from modelyard.images.training.job import Job

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelyard.images.training.labels import Floats, LabelRule


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A channel's rows."""

    features: Any  # (rows, columns): NDArray[np.float32], or scipy.sparse.csr_matrix
    labels: NDArray[Any]  # (rows,); NaN where there is none

    @property
    def dense(self) -> Floats:
        """The features without what makes them sparse."""
        from modelyard.images.training.tables import dense

        return dense(self.features)


def read(job: Job, *, rule: LabelRule | None, feature_dim: int | None) -> dict[str, Rows]:
    """Read all channels of a job, by name. No value may be missing.

    Args:
        rule: of labels; None: they are not looked at.
        feature_dim: what the hyperparameter says, if it is given.

    Raises:
        ClientError: names what is wrong, and where.
    """
    from modelyard.images.training.readers import Reading
    from modelyard.images.training.tables import agreed_width, joined, labels

    def reading(channel: Channel) -> Reading:
        if rule is None and channel.labelled and channel.format == "csv":
            log.warning(
                f"channel '{channel.name}': the first column is taken for a label, and not learnt "
                f"from; if it is a feature, say ContentType=text/csv;label_size=0"
            )
        return Reading(rule=rule, labelled=channel.labelled, complete=True)

    tables = job.read(reading)
    width = agreed_width(tables, feature_dim)
    found = {}
    for name, table in tables.items():
        targets = labels(table)
        found[name] = Rows(features=joined(table, width), labels=targets)
    return found
