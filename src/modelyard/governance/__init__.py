"""Governance: what people sign, made of what the platform knows."""
