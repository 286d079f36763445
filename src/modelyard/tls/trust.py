"""What clients are to trust: the home's authority, beside all that they trust already."""

from __future__ import annotations

import importlib.util
import re
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path

#: Where clients look for the certificates that they trust: boto3 and the AWS CLI, requests, OpenSSL
#: (and with it Python), curl. Each reads one file, so that file must hold everything.
VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


def bundle(ca_file: Path, further: Iterable[Path]) -> bytes:
    """Return one PEM text of the certificates of several files, each certificate once.

    Args:
        further: files that may be missing.

    Raises:
        OSError: `ca_file` cannot be read.
    """
    found: dict[bytes, bytes] = {}
    texts = [ca_file.read_bytes(), *(path.read_bytes() for path in further if path.is_file())]
    for text in texts:
        for certificate in _CERTIFICATE.findall(text):
            found.setdefault(b"".join(certificate.split()), certificate)
    return b"\n".join(found.values()) + b"\n"


def trusted_already(environment: Mapping[str, str], own: Path) -> list[Path]:
    """Return the files of certificates that clients of this user trust without Modelyard.

    Args:
        environment: may name some, in `VARIABLES`; a company's own authorities, say.
        own: the file that a former call wrote, which does not count.
    """
    named = [environment[name] for name in VARIABLES if environment.get(name)]
    files = [Path(name) for name in named if Path(name) != own]
    system = ssl.get_default_verify_paths().openssl_cafile
    for package, file in (("certifi", "cacert.pem"), ("botocore", "cacert.pem")):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            files.append(Path(spec.origin).with_name(file))
    return [Path(system), *files]
