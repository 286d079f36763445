"""Container images on this machine: built or pulled in a sandbox, kept by digest, run in one."""
