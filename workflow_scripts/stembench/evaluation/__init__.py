"""Matching, metrics, confidence intervals and the tuning of methods on validation data."""
