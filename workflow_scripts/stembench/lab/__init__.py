"""Experimental images: fetching, reading, and reference columns."""
