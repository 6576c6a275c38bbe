"""Classical methods that the networks stand beside: detectors and filters."""
