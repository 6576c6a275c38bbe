"""From a CIF and a zone axis to the projected crystal and its columns in a field of view."""
