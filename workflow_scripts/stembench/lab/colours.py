"""Grey levels of images in colours."""

import numpy as np

_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow turns colours into grey levels
_COLOURED = 0.15  # difference of a pixel's colours, of their range, from which on it is no grey of a compressed picture
_ANNOTATED = 0.25  # share of coloured pixels up to which they are annotations, beyond false colours


def grey_levels(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return the grey levels of an image whose last axis may be colours, without what is drawn over it in colour.

    Parameters
    ----------
    values : ndarray, shape (y, x) or (y, x, colour), or (frame, y, x)
        Up to four values per pixel are colours and transparency.

    Returns
    -------
    values : ndarray, shape (y, x), or (frame, y, x)
        NaN where something is drawn in colour, or the image is transparent.
    remarks : list of str
        What was left out or assumed.
    """
    if values.ndim == 2 or values.shape[-1] > len("RGBA"):
        return values, []
    colours, remarks = values[..., :3] if values.shape[-1] > 2 else values[..., :1], []
    grey, hidden = colours[..., 0], np.zeros(values.shape[:-1], bool)
    spread = np.ptp(colours, axis=-1)
    if spread.any():
        grey = (colours @ np.array(_LUMINANCE)).astype(np.float32)
        highest = np.iinfo(colours.dtype).max if colours.dtype.kind in "iu" else np.nanmax(colours)
        coloured = spread > _COLOURED * highest
        share = np.mean(coloured)
        if 0 < share <= _ANNOTATED:
            from scipy import ndimage

            hidden = ndimage.binary_dilation(coloured, iterations=2)  # compression spreads colours
            remarks.append(f"what is drawn over the image in colour was left out, {share:.1%} of it")
        else:
            remarks.append(
                "the image is in colours, of which the luminance was taken; give the grey one if there is one"
            )
    if values.shape[-1] in (2, 4) and not values[..., -1].all():
        hidden |= values[..., -1] == 0
        remarks.append("transparent pixels were left out")
    return np.where(hidden, np.float32(np.nan), grey) if hidden.any() else grey, remarks
