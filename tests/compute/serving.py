"""A toy of a serving program, in plain Python: an image for tests."""

from __future__ import annotations

import sys

#: Answers with the model's text and what it was sent; some bodies ask for misbehaviour.
PROGRAM = """
import os, signal, sys, time
from modelyard.images.serving import Answer, Refused, serve

class Toy:
    def __init__(self, folder):
        self.text = (folder / "text").read_text()
        print("loaded", self.text, flush=True)
        if self.text == "broken":
            sys.exit("this model is broken")

    def score(self, body, content_type, accept):
        said = body.decode()
        if said == "die":
            os._exit(3)
        if said == "hang":
            os.kill(os.getpid(), signal.SIGSTOP)
        if said == "refuse":
            raise Refused(415, "not this")
        if said == "fail":
            raise KeyError("no such column")
        if said.startswith("sleep "):
            time.sleep(float(said[6:]))
        if said == "environment":
            said = repr(dict(os.environ))
        if said == "pid":
            said = str(os.getppid()) + "/" + os.environ["MODELYARD_SERVE_FD"]
        return Answer(body=f"{self.text}:{said}:{content_type}:{accept}".encode(),
                      content_type=accept if accept not in ("", "*/*") else "text/plain")

serve(Toy)
"""

ARGV = [sys.executable, "-c", PROGRAM]
