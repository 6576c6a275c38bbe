"""Classical methods that the networks stand beside, one file each."""
