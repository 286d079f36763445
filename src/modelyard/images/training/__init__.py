"""The training contract, for images with a `train` program: layout, channels, readers, failures."""
