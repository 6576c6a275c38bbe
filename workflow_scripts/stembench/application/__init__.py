"""Applying trained networks to a microscopist's own images."""
