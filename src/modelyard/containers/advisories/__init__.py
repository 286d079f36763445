"""Known vulnerabilities: a folder of advisories, and which of them an image's software is in."""
