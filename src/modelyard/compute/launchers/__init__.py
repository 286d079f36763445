"""The small programs between the server and a job: each starts the next and stands over it.

They run as processes of their own, from the standard library alone, so that they start in a few
milliseconds and a job's surroundings hold nothing of the server.
"""
