"""Modelyard: self-hosted MLOps behind the SageMaker API."""

__version__ = "0.5.0"
