"""The built-in Clarify image: `python -m modelyard.images.clarify`.

A program under the public SageMaker processing contract, with the configuration, files and figures
of AWS's `sagemaker-clarify-processing`. What a job can rely on:

**Where.** Everything is below `/opt/ml`, or below `SAGEMAKER_BASE_DIR` where that is set:
`processing/input/config/analysis_config.json`, the dataset in `processing/input/data`, results in
`processing/output`. A monitor's environment may name other places; see `settings`.

**Result.** `analysis.json`, `explanations_shap/`, `<report>.html`, `.pdf` and `.ipynb`, and where
there is a baseline `constraint_violations.json`; each whole or not at all, `analysis.json` last.
The sentence in `output/message` is what the owner reads. Exit code 0; 3 where a window has no data;
1 with all that is wrong in one message.

**The model.** The platform starts the model's serving programs beside the job and gives their
addresses (`CLARIFY_PREDICTOR_URL`), or the folder with the model's files (`CLARIFY_MODEL_DIR`), or
both.

**Determinism.** The same data, configuration and model give the same files.
"""
