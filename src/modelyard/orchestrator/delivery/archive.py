"""The archive of what is provisioned: the blueprint and its parameters, as a zip file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping

PARAMETERS_FILE = "template_params.json"

#: The earliest time that a zip can say. The same content is the same bytes each time.
_TIME = (1980, 1, 1, 0, 0, 0)


def archive_key(stack_name: str) -> str:
    """Return the key, in the assets bucket, of a stack's archive."""
    return f"mlops_provisioned_pipelines/{stack_name}/template.zip"


def archive(template_file: str, template: str, parameters: Mapping[str, str]) -> bytes:
    """Return a zip of a blueprint and the parameters for it."""
    buffer = io.BytesIO()
    files = {
        template_file: template,
        PARAMETERS_FILE: json.dumps({"Parameters": dict(parameters)}, indent=4),
    }
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            zipped.writestr(entry, text)
    return buffer.getvalue()
