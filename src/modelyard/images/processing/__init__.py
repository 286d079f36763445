"""What the built-in analyses share of the public SageMaker processing contract.

Where things lie (`layout`), what the environment says (`variables`), how a job ends (`ending`), its
log, and files that appear whole. An image is a package beside this one; it knows nothing of the
others.
"""
