"""Noise models as small pure functions of (image, parameters, generator), and their calibration on real images.

A recipe is `physical` (scan, shot noise at a dose, detector) or `calibrated` (scan and pointwise noise with the
statistics of real images, which contain all of these), never a mixture.
"""
