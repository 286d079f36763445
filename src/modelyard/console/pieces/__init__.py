"""What pages are made of: small functions from values to escaped HTML."""
