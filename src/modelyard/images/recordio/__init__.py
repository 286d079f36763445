"""RecordIO: how AWS's built-in algorithms frame records, and the message in each."""
