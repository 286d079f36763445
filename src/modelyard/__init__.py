"""Modelyard: self-hosted MLOps behind the SageMaker API."""

__version__ = "0.4.0"
