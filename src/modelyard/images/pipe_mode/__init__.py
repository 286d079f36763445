"""Pipe mode: a program reads its channels as streams, one named pipe per channel and epoch.

`python -m modelyard.images.pipe_mode PROGRAM …` feeds `/opt/ml/input/data/<channel>_<epoch>` for
the channels of `input/config/pipes.json` from what lies, read-only, in
`/opt/ml/input/pipe/<channel>`, while PROGRAM runs, and ends as it ends. It runs inside the job's
sandbox, so nobody outside ever opens a path that the job can change.
"""
