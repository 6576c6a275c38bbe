"""Noise models as small pure functions of (image, parameters, generator), and their calibration on real images.

A recipe is `physical` (row jitter, then shot noise at a dose) or `calibrated` (scan and pointwise noise with the
statistics of real images, which already contain both), never a mixture.
"""
