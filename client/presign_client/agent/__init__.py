"""Serves credentials to AWS SDKs on this machine, as a container's credentials endpoint does."""
