"""The object graph, room by room; `app` puts the rooms together."""
