"""Encryption keys: customers' keys with their versions, aliases, rotation and end (service kms)."""
