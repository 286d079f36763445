"""Tags of any resource, by its ARN."""
