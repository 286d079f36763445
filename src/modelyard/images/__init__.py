"""Built-in images: job programs under the public container contract.

They are ordinary programs that know nothing of the control plane, and import nothing of it.
"""
