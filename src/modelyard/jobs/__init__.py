"""What every kind of job has in common: room, data, programs, log, limits, results."""
