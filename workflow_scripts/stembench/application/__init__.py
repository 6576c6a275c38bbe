"""Networks applied to a microscopist's own images."""
