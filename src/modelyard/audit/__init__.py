"""The audit log: who did what, from where, on which resource, allowed or not; tamper-evident."""
