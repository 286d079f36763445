"""Autopilot: from a table and the name of its target to a model that can be deployed.

An Autopilot job has one training job made, with the image `modelyard/autopilot`, follows what that
one says in its log, and shows it as SageMaker's API does.
"""
