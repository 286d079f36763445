"""The archive of what is provisioned: the blueprint and its parameters, as a zip file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

PARAMETERS_FILE = "template_params.json"

#: The earliest time that a zip can say. The same content is the same bytes each time.
_TIME = (1980, 1, 1, 0, 0, 0)


def archive_key(stack_name: str) -> str:
    """Return the key, in the assets bucket, of a stack's archive."""
    return f"mlops_provisioned_pipelines/{stack_name}/template.zip"


def stage_parameters_file(stage: str) -> str:
    """Return the name of the file with a stage's parameters, where there are several stages."""
    return f"{stage}_{PARAMETERS_FILE}"


def parameters_document(file: str, parameters: Mapping[str, str]) -> Any:
    """Return what a file of parameters says, as CloudFormation or as its stack sets take it."""
    if file == PARAMETERS_FILE:
        return {"Parameters": dict(parameters)}
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]


def archive(
    template_file: str, template: str, parameters: Mapping[str, Mapping[str, str]]
) -> bytes:
    """Return a zip of a blueprint and the parameters for it, by the names of their files."""
    buffer = io.BytesIO()
    files = {
        template_file: template,
        **{
            file: json.dumps(parameters_document(file, values), indent=4)
            for file, values in parameters.items()
        },
    }
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            zipped.writestr(entry, text)
    return buffer.getvalue()
