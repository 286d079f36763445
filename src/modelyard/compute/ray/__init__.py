"""Jobs on a Ray cluster: their hosts are placed on its nodes, and run there in each node's sandbox.

::

    server ──JSON──> driver (a child process, the only one that imports Ray)
                        └─ Ray ──> agent (an actor on a node, one per host of a job)
                                      └─ the node's own sandbox ──> the program
    server <──S3──> agent      inputs, checkpoints and outputs, by URLs that open one object each

`cluster` is the server's end, `driver` the child, `agent` the node's end; `exchange` and `shipping`
are the two ends of what goes through S3.
"""
