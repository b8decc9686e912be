"""Classes of the boxes, and the side of the images."""

SIDE = 224  # pixels; images are fitted into a square of this side
MASK = 4  # class of a mask's box, beside those of the faces, 1 to 3
NAMES = {1: "with_mask", 2: "without_mask", 3: "mask_weared_incorrect", MASK: "mask"}
