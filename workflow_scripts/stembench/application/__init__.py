"""Columns in a microscopist's own images, in angstrom, by a trained network."""
