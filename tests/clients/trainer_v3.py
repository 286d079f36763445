"""ModelTrainer of the sagemaker SDK v3 with code of one's own, in that SDK's environment.

Argument: the image to train in. Run where a folder `source` holds the code.
"""

import json
import sys

from sagemaker.core.resources import TrainingJob
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode

(image,) = sys.argv[1:]
compute = Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5)
sources = {
    "entry": SourceCode(source_dir="source", entry_script="train.py"),
    "command": SourceCode(source_dir="source", command="python3 train.py --rate 0.25 'two words'"),
    "shell": SourceCode(source_dir="source", entry_script="train.sh"),
    "failing": SourceCode(source_dir="source", command="python3 failing.py"),
}
found = {}
for name, source in sources.items():
    trainer = ModelTrainer(
        training_image=image,
        source_code=source,
        base_job_name=f"own-code-{name}",
        compute=compute,
        hyperparameters={"depth": 3, "names": ["a", "b"]},
    )
    problem = ""
    try:
        trainer.train(
            input_data_config=[InputData(channel_name="train", data_source="rows.csv")], logs=False
        )
    except Exception as error:
        problem = str(error)
    (job,) = TrainingJob.get_all(name_contains=f"own-code-{name}")
    job.refresh()
    found[name] = {
        "status": job.training_job_status,
        "reason": str(job.failure_reason),
        "model": str(job.model_artifacts.s3_model_artifacts) if job.model_artifacts else "",
        "entrypoint": job.algorithm_specification.container_entrypoint,
        "problem": problem,
    }
print(json.dumps(found))
