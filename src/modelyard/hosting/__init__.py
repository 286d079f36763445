"""Hosting: models, endpoint configurations, endpoints. Their traffic is the gateway's."""
