"""The built-in monitor image: `python -m modelyard.images.model_monitor`.

A program under the public SageMaker processing contract, with the settings, inputs, outputs and
words of AWS's `sagemaker-model-monitor-analyzer`. What a job can rely on:

**Where.** All paths of its settings that begin with `/opt/ml` are below `SAGEMAKER_BASE_DIR` where
that is set.

**What.** `analysis_type` says: nothing or `DATA_QUALITY`, `MODEL_QUALITY`, or `MERGE`, which joins
captured invocations with their ground truth. docs/monitor-analyzer.md tells of settings, files and
formulas.

**Result.** Files in `output_path`, whole or not at all. Exit code 0 with `output/message` saying
`Completed: …` or `CompletedWithViolations: …`; 3 where there is no data at all, 1 where the job's
owner or we made a mistake, with the reason in the message.

**Losses.** A broken line, record or file is left out, counted, and told of in the message, the log
and the report. All others are analysed.
"""
