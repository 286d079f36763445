"""The stack engine: a template of resources, created, changed and deleted as one thing."""
