"""What models of images share: the size that an image has after a layer, and augmentation while training."""

from models.catalogue.entries import Hyperparameter


def size_after(size: int, kernel: int, stride: int, padding: int = 0) -> int:
    """Return the edge of an image after a convolution or a pooling.

    Args:
        size: edge before it, in pixels.
        kernel: edge of the square that is looked at.
        stride: pixels from one square to the next.
        padding: pixels of zeros around the image.

    Returns:
        Pixels; below 1 where nothing is left.
    """
    return (size + 2 * padding - kernel) // stride + 1


def _augmentation(name: str, meaning: str, high: float) -> Hyperparameter:
    return Hyperparameter(name, "float", 0.0, f"Augmentation: {meaning} 0 for none.", low=0, high=high, per_lane=True)


AUGMENTATION = (
    _augmentation(
        "augment_shift", "training images are moved by up to so many pixels in both directions, at random.", 16.0
    ),
    _augmentation("augment_rotate", "training images are turned by up to so many degrees, at random.", 180.0),
    _augmentation(
        "augment_scale",
        "training images are enlarged or reduced by a random factor of up to 1 + this, or down to 1 / (1 + this).",
        1.0,
    ),
    _augmentation("augment_flip", "share of training images that are mirrored left to right.", 1.0),
    _augmentation(
        "augment_noise", "deviation of the noise added to each pixel of a training image, in standard deviations.", 10.0
    ),
)
"""Settings of `models.layers.augment.Augment`, by name."""
