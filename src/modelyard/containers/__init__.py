"""Container images: which there are, under which names, and how new ones come about."""
