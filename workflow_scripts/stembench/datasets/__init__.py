"""Simulated images with labels: the sample factory, the sharded Zarr store and the loader for training."""
