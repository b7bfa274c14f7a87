"""The kinds of solids, as numbers that compiled code knows them by.

How a ray meets one is left to `rendering/ray_tracing`.
"""

BOX, ELLIPSOID, FRUSTUM, SHELL = range(4)
"""A shell is a box seen from within: the room itself."""
