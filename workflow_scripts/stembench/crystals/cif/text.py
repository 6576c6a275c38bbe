"""The characters of a CIF file."""

import codecs
import re
import unicodedata

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_AS_ASCII = str.maketrans({**dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"), "\u2044": "/"})
_AS_ASCII |= dict.fromkeys(map(ord, "\u200b\ufeff"), "")
_CURLY_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")


def decode(content: bytes) -> str:
    """Return the text of a CIF in UTF-8, UTF-16 or Latin-1, its lines ended by a line feed."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = content.decode("utf-16", errors="replace")
    elif content[1:1000:2].count(0) > len(content[:1000]) / 4:
        text = content.decode("utf-16-le", errors="replace")
    elif content[:1000:2].count(0) > len(content[:1000]) / 4:
        text = content.decode("utf-16-be", errors="replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")  # Latin-1 with the quotes and dashes of Windows
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_AS_ASCII)
    return _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))


def plain(text: str) -> str:
    """Return a text with every character beyond ASCII written as its code, such as `\\xc5` for an Å."""
    return text if text.isascii() else text.encode("ascii", "backslashreplace").decode()


def with_straight_quotes(text: str) -> str:
    """Return a text in which quotation marks of a word processor are those of a CIF."""
    return text if text.isascii() else text.translate(_CURLY_QUOTES)
