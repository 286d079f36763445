"""The image builder: a pipeline that makes a container image of an archive with a Dockerfile."""
