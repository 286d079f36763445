"""Encryption of what the store keeps: whose keys, which objects, and how they lie on the disk."""
