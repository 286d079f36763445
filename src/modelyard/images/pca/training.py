"""One training job, from its configuration to its model."""

from __future__ import annotations

from modelyard.images.pca import hyperparameters
from modelyard.images.training import content_types, log, rows
from modelyard.images.training.channels import TEST, TRAIN, Inputs
from modelyard.images.training.errors import ClientError
from modelyard.images.training.job import Job
from modelyard.images.training.layout import Layout

INPUTS = Inputs(
    channels=(TRAIN, TEST),
    content_types=content_types.FIRST_PARTY,
    default=content_types.RECORDIO,
    label_sizes=(0, 1),
)


def train(layout: Layout) -> None:
    """Run the job whose files lie in `layout`.

    Raises:
        ClientError: its configuration or its data is wrong.
    """
    job = Job.begin(layout, INPUTS)
    hp = hyperparameters.validate(job.hyperparameters)
    for note in hp.notes:
        log.warning(note)
    features = rows.read(job, rule=None, feature_dim=hp.feature_dim)[TRAIN].dense
    most = min(features.shape)
    if hp.num_components > most:
        raise ClientError(
            f"num_components={hp.num_components} is more than {len(features)} rows of "
            f"{features.shape[1]} features have: take {most} at most"
        )
    from modelyard.images.pca import model
    from modelyard.images.pca.decomposition import decompose

    components = decompose(features, hp)
    model.save(layout.model, components)
    log.info(f"{hp.num_components} components of {features.shape[1]} features saved")
