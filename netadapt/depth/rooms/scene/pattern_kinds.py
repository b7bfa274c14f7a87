"""The kinds of surface patterns, as numbers that compiled code knows them by.

What a pattern looks like is left to `rendering/textures`; which material has one, to `materials`.
"""

PLAIN, WOOD, PLANKS, TILES, CARPET, STRIPES, CHECKS, MARBLE, BRICKS, PICTURE = range(10)
BLOBS, PANELS, GRANITE, FOLDS, OUTSIDE, SPINES, SHEET, SLATS, WEAVE, DOTS = range(10, 20)
