"""The built-in Clarify image: `python -m modelyard.images.clarify`."""
