"""The kinds of solids, as numbers that compiled code knows them by."""

BOX, ELLIPSOID, FRUSTUM, SHELL = range(4)
"""A shell is a box seen from within: the room itself."""
