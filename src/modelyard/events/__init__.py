"""The event bus: rules with patterns over every change of state, and their targets."""
