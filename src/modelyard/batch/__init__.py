"""Batch transform, the job's program: `python -m modelyard.batch`.

It runs in the job's sandbox, without credentials, and knows nothing of the control plane. Below
`/opt/ml`, or `SAGEMAKER_BASE_DIR`, it finds `input/config/transformjob.json` (a `Plan`), the model
in `model/` and the inputs in `input/data/`; for each input it leaves `transformed/<name>.out`, in
the order of its records, whole or not at all.

Models that the gateway serves are scored in this process, with the gateway's own decoding and
encoding. Of other images the program's `serve` runs as a child, and is asked over HTTP.

Exit code 0, or 1 with the reason in `output/failure`. A file that fails does not keep the others
from being transformed.
"""
