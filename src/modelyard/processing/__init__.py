"""Processing: jobs that turn data into other data, reports or measures."""
