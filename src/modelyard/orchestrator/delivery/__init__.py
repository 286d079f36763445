"""Delivery: a pipeline that brings a blueprint with its parameters to a stack."""
