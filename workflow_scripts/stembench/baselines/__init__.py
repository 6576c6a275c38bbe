"""Classical methods that the networks stand beside: finders of columns, and filters."""
