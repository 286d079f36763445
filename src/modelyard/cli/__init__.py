"""The command line: a thin door. Each command makes the calls that any client could make."""
