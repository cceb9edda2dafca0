"""What the SoftPool paper prints about significance, to be recomputed.

Source: Stergiou, Poppe and Kalliatakis, "Refining activation downsampling with SoftPool": tables 2, 4, 5 and
6, and table S1 of the supplement. All accuracies are percentages of the 50,000 pictures of ImageNet1K's
validation set, on which McNemar's tests compare networks with their original pooling and networks with
SoftPool, both trained from scratch.
"""

from dataclasses import dataclass

PICTURES = 50_000


@dataclass(frozen=True)
class Network:
    """One network of the paper.

    Args:
        name: string.
        both: int, pictures that both networks classify correctly. Table S1.
        soft_only: int, pictures that the network with SoftPool alone classifies correctly.
        original_only: int, pictures that the original network alone classifies correctly.
        neither: int, pictures that neither network classifies correctly.
        totals: list of four ints, the sums printed beside and below these counts: correct and incorrect with
            SoftPool, correct and incorrect with the original pooling.
        chi_squared: float, printed in table 4.
        p: float, printed in table 4.
        original: float, the accuracy of the original network in table 2, 5 or 6.
        soft: float, the accuracy with SoftPool there.
        table: int, the table with the accuracies.
    """

    name: str
    both: int
    soft_only: int
    original_only: int
    neither: int
    totals: tuple[int, int, int, int]
    chi_squared: float
    p: float
    original: float
    soft: float
    table: int = 2

    @property
    def sums(self) -> tuple[int, int, int, int]:
        """The sums of the counts, in the order of `totals`."""
        soft, original = self.both + self.soft_only, self.both + self.original_only
        return soft, self.original_only + self.neither, original, self.soft_only + self.neither


# Table 4 prints the p of DenseNet121 as 2.19^-91, without an e.
NETWORKS = (
    Network(
        "ResNet18", 31838, 3795, 3011, 11356, (35633, 14367, 34849, 15151), 90.08, 2.28e-21, 69.76, 71.27
    ),
    Network("ResNet34", 34090, 3246, 2940, 9724, (37336, 12664, 37030, 12970), 15.04, 1.05e-4, 73.30, 74.67),
    Network("ResNet50", 35472, 3203, 2603, 8722, (38675, 11325, 38075, 11925), 61.80, 3.80e-15, 76.15, 77.35),
    Network("ResNet101", 36553, 2609, 2272, 8566, (39162, 10838, 38825, 11175), 23.13, 1.51e-6, 77.37, 78.32),
    Network(
        "ResNet152", 37247, 2373, 1908, 8472, (39620, 10380, 39155, 10845), 50.29, 1.32e-12, 78.31, 79.24
    ),
    Network(
        "DenseNet121", 34097, 3836, 2253, 9814, (37933, 12067, 36350, 13650), 411.02, 2.19e-91, 74.65, 75.88
    ),
    Network(
        "DenseNet161", 35160, 4237, 3631, 6972, (39397, 10603, 38791, 11209), 46.52, 9.06e-12, 77.65, 78.72
    ),
    Network(
        "DenseNet169", 35074, 3407, 2988, 8531, (38481, 11519, 38062, 11938), 27.32, 1.72e-7, 76.00, 76.95
    ),
    Network(
        "ResNeXt50 32x4d",
        36628,
        2618,
        2153,
        8601,
        (39246, 10754, 38781, 11219),
        45.13,
        1.85e-11,
        77.62,
        78.48,
    ),
    Network(
        "ResNeXt101 32x8d",
        38633,
        2587,
        1005,
        7775,
        (41220, 8780, 39638, 10362),
        695.87,
        2.36e-53,
        79.31,
        80.12,
    ),
    Network(
        "wide-ResNet50", 36638, 3113, 2636, 7613, (39751, 10249, 38781, 10726), 39.41, 3.43e-10, 78.51, 79.52
    ),
    Network(
        "InceptionV1",
        31826,
        3897,
        3037,
        11240,
        (35723, 14277, 34863, 15137),
        106.41,
        5.98e-25,
        69.78,
        71.43,
        5,
    ),
    Network(
        "InceptionV3", 36341, 3029, 2370, 8260, (14874, 10630, 38711, 11289), 80.19, 3.39e-19, 77.45, 79.04, 6
    ),
)

# Table 2. For each network the accuracies of the original, top-1 and top-5, and then four accuracies with
# SoftPool, each with the gain that is printed beside it: top-1 and top-5 of the pre-trained network with its
# pooling replaced, top-1 and top-5 of the network that is trained from scratch.
GAINS = {
    "ResNet18": (69.76, 89.08, ((70.56, 0.80), (89.89, 0.81), (71.27, 1.51), (90.16, 1.08))),
    "ResNet34": (73.30, 91.42, ((74.03, 0.73), (91.85, 0.43), (74.67, 1.37), (92.30, 0.88))),
    "ResNet50": (76.15, 92.87, ((76.60, 0.45), (93.15, 0.28), (77.35, 1.17), (93.63, 0.76))),
    "ResNet101": (77.37, 93.56, ((77.74, 0.37), (93.99, 0.43), (78.32, 0.95), (94.21, 0.65))),
    "ResNet152": (78.31, 94.06, ((78.73, 0.42), (94.47, 0.41), (79.24, 0.92), (94.72, 0.66))),
    "DenseNet121": (74.65, 92.17, ((75.27, 0.57), (92.60, 0.43), (75.88, 1.23), (92.92, 0.75))),
    "DenseNet161": (77.65, 93.80, ((78.12, 0.47), (94.15, 0.35), (78.72, 0.93), (94.41, 0.61))),
    "DenseNet169": (76.00, 93.00, ((76.49, 0.49), (93.38, 0.38), (76.95, 0.95), (93.76, 0.76))),
    "ResNeXt50 32x4d": (77.62, 93.70, ((78.23, 0.61), (93.97, 0.27), (78.48, 0.86), (93.37, 0.67))),
    "ResNeXt101 32x8d": (79.31, 94.28, ((78.89, 0.58), (94.73, 0.45), (80.12, 0.81), (94.88, 0.60))),
    "wide-ResNet50": (78.51, 94.09, ((79.14, 0.63), (94.51, 0.42), (79.52, 1.01), (94.85, 0.76))),
}
COLUMNS = ("pre-trained, top-1", "pre-trained, top-5", "from scratch, top-1", "from scratch, top-5")
