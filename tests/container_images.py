"""Container images for the tests: made from nothing, of the Python that runs the tests.

Needs buildah. The image's file system holds this interpreter, its standard library and the shared
libraries that both need, and one program, which trains (the mean of a column) and serves it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import modelyard

HOW_TO_GET_IT = "needs {0} (Debian: apt-get install --no-install-recommends {0})"

_LEFT_OUT = shutil.ignore_patterns(
    "site-packages", "test", "tests", "idlelib", "tkinter", "ensurepip", "turtledemo",
    "lib2to3", "config-*", "__pycache__", "pydoc_data", "*.a",
)  # fmt: skip
_LIBRARY = re.compile(r"(/\S+) \(0x")

#: Trains, serves and processes, as the container contract has it; knows nothing of Modelyard.
PROGRAM = """#!/usr/local/bin/python3
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

ML = "/opt/ml"

def train():
    told = json.load(open(f"{ML}/input/config/hyperparameters.json"))
    if told.get("fail"):
        open(f"{ML}/output/failure", "w").write(told["fail"])
        sys.exit(3)
    folder = f"{ML}/input/data/train"
    values = [float(line) for name in sorted(os.listdir(folder))
              for line in open(f"{folder}/{name}") if line.strip()]
    print("rows:", len(values), "in", os.environ["TRAINING_JOB_NAME"])
    print("validation:mean=%.3f;" % (sum(values) / len(values)))
    json.dump({"mean": sum(values) / len(values)}, open(f"{ML}/model/model.json", "w"))
    for path in ("/built", "/opt/program/x", "/etc/x"):
        try:
            open(path, "a")
            print("could write", path)
        except OSError:
            pass
    open("/tmp/scratch", "w").write("x")

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, text=""):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if self.path == "/execution-parameters":
            return self.answer(404)
        self.answer(200)
    def do_POST(self):
        rows = self.rfile.read(int(self.headers["Content-Length"])).decode().split()
        try:
            self.answer(200, "".join("%g\\n" % (float(row) - MEAN) for row in rows))
        except ValueError as error:
            self.answer(400, str(error))
    def log_message(self, *_):
        pass

def serve():
    global MEAN
    MEAN = json.load(open(f"{ML}/model/model.json"))["mean"]
    HTTPServer(("0.0.0.0", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()

def process():
    text = open(f"{ML}/processing/input/rows.csv").read()
    open(f"{ML}/processing/output/sum.txt", "w").write(str(sum(map(float, text.split()))))

{"train": train, "serve": serve, "process": process}[os.path.basename(sys.argv[0]) if
    os.path.basename(sys.argv[0]) in ("train", "serve") else sys.argv[1]]()
"""

DOCKERFILE = """FROM scratch
COPY root /
COPY program /opt/program
ENV PATH=/opt/program:/usr/local/bin GREETING=hello
WORKDIR /opt/program
RUN ["/usr/local/bin/python3", "-c", "open('/built', 'w').write('by a RUN step')"]
"""


def require_buildah() -> None:
    """Skip a test where no image can be built; fail it in CI."""
    require_engine("buildah")


def require_engine(name: str) -> None:
    """Skip a test where an engine is not installed; fail it in CI."""
    if shutil.which(name) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_GET_IT.format(name))
        pytest.skip(HOW_TO_GET_IT.format(name))


def python_root(folder: Path, programs: Sequence[str] = ()) -> Path:
    """Make a file system with this Python and all that it needs, as /usr/local/bin/python3.

    Args:
        programs: more of this machine's programs, which will be in /bin.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = folder / "usr" / "local" / "lib" / version
    shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=_LEFT_OUT)
    binary = folder / "usr" / "local" / "bin" / "python3"
    binary.parent.mkdir(parents=True)
    interpreter = Path(sys.executable).resolve()
    shutil.copy(interpreter, binary)
    more = [path for name in programs if (path := shutil.which(name)) is not None]
    (folder / "bin").mkdir()
    for path in more:
        shutil.copy(path, folder / "bin")
    modules = [str(path) for path in library.glob("lib-dynload/*.so")]
    found = subprocess.run(
        ["ldd", str(interpreter), *modules, *more], capture_output=True, text=True, check=False
    )
    for name in sorted(set(_LIBRARY.findall(found.stdout))):
        target = folder / name.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, target)  # behind links, under the name that is asked for
    packages = library / "site-packages" / "toy_mean-1.2.dist-info"
    packages.mkdir(parents=True)
    (packages / "METADATA").write_text("Metadata-Version: 2.1\nName: Toy_Mean\nVersion: 1.2\n")
    (folder / "etc").mkdir()
    (folder / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (folder / "etc" / "os-release").write_text('ID=toy\nVERSION_ID="7"\nPRETTY_NAME="Toy 7"\n')
    status = folder / "var" / "lib" / "dpkg" / "status"
    status.parent.mkdir(parents=True)
    status.write_text(
        "Package: toylib\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.0-1\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n"
    )
    return folder


def make_context(folder: Path, *, dockerfile: str = DOCKERFILE) -> Path:
    """Make a folder that the toy image is built of."""
    python_root(folder / "root")
    (folder / "program").mkdir()
    for name in ("train", "serve", "run"):
        (folder / "program" / name).write_text(PROGRAM)
    (folder / "program" / "run").chmod(0o755)  # the others are the builder's to make executable
    for name in ("train", "serve"):
        (folder / "program" / name).chmod(0o644)
    (folder / "Dockerfile").write_text(dockerfile)
    return folder


def copy_packages(root: Path, *names: str) -> None:
    """Copy installed packages, folders of site-packages, into a file system with a Python."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    there = root / "usr" / "local" / "lib" / version / "site-packages"
    for name in names:
        place = Path(sysconfig.get_path("purelib")) / name
        left_out = shutil.ignore_patterns("tests", "__pycache__", "*.pyi", "include")
        shutil.copytree(place, there / name, ignore=left_out)
    modules = [str(path) for path in there.rglob("*.so*")]
    found = subprocess.run(["ldd", *modules], capture_output=True, text=True, check=False)
    for name in sorted(set(_LIBRARY.findall(found.stdout))):
        target = root / name.lstrip("/")
        if not name.startswith(str(Path(sys.prefix))) and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, target)


def copy_modelyard(root: Path) -> None:
    """Copy Modelyard itself into a file system with a Python."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    there = root / "usr" / "local" / "lib" / version / "site-packages" / "modelyard"
    source = Path(modelyard.__file__).parent
    shutil.copytree(source, there, ignore=shutil.ignore_patterns("__pycache__"))


def write_layout(root: Path, layout: Path, config: Mapping[str, object]) -> str:
    """Write a file system as the OCI layout of an image, as a registry keeps it; return its digest.

    Args:
        config: of the image: Entrypoint, Env.
    """
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    layer = layout / "layer.tar"
    with tarfile.open(layer, "w") as tar:
        tar.add(root, arcname=".")
    with layer.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = layer.stat().st_size
    layer.rename(blobs / digest)

    def keep(content: object) -> dict[str, object]:
        text = json.dumps(content).encode()
        name = hashlib.sha256(text).hexdigest()
        (blobs / name).write_bytes(text)
        return {"digest": f"sha256:{name}", "size": len(text)}

    oci = "application/vnd.oci.image"
    described = keep(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    )
    manifest = keep(
        {
            "schemaVersion": 2,
            "mediaType": f"{oci}.manifest.v1+json",
            "config": {"mediaType": f"{oci}.config.v1+json", **described},
            "layers": [
                {"mediaType": f"{oci}.layer.v1.tar", "digest": f"sha256:{digest}", "size": size}
            ],
        }
    )
    manifests = [{"mediaType": f"{oci}.manifest.v1+json", **manifest}]
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    return str(manifest["digest"])


def zipped(folder: Path) -> bytes:
    """Return a zip of all that lies in a folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return buffer.getvalue()
