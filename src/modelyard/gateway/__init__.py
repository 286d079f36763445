"""The inference data plane: worker processes that hold the models and answer invocations.

The control plane sees `supervisor.GatewayPool` and the values of `routes`; everything else here
runs in the workers (`worker`), or once per model before it is served (`prepare`).
"""
