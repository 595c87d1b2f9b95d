"""How to spoil a plain record."""


def spoil(plain, path, value):
    """Puts the value where the path leads."""
    *way, last = path
    for key in way:
        plain = plain[key]
    plain[last] = value
