"""TLS: the home's own certificate authority or the user's certificate, kept fresh, and trusted."""
