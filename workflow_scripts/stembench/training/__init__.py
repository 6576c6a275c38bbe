"""Losses and the one training run that every network goes through."""
