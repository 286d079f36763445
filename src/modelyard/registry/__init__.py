"""The model registry: groups of model versions, their approval, and who shares them."""
