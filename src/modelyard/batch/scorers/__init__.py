"""Who answers a job's payloads: the gateway's code in this process, or the image's own program."""
