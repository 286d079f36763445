"""Tagging: tags of any resource of SageMaker's, by its ARN."""
