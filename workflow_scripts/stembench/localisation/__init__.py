"""From a map or an image to column positions, and the bound on their precision."""
