"""The stage table: one row for each version in the registry, with where it stands in each stage."""
