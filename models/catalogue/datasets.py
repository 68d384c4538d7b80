"""The data sets that ship inside scikit-learn, with the digest of the arrays prepared from each.

Sizes follow from the split (per class: a fifth for validation, a fifth for the test, the rest for training); a test
holds every figure here against the arrays. The digest is over content, so it is the same on every machine.
"""

from models.catalogue.entries import DatasetInfo

UCI_LICENCE = "CC BY 4.0 (UCI Machine Learning Repository)"

DIGITS = DatasetInfo(
    name="digits",
    title="Handwritten digits, 8x8 pixels",
    task="classification",
    kind="image",
    shape=(1, 8, 8),
    n_rows=1797,
    n_features=64,
    n_classes=10,
    n_train=1087,
    n_val=355,
    n_test=355,
    sha256="57a88ebb7de5b737a88009b6fabeea137adbbcabcfc207977bc7ec0635a6adbc",
    source="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998; by scikit-learn",
    licence=UCI_LICENCE,
)
BREAST_CANCER = DatasetInfo(
    name="breast_cancer",
    title="Breast cancer Wisconsin (diagnostic)",
    task="classification",
    kind="table",
    shape=(30,),
    n_rows=569,
    n_features=30,
    n_classes=2,
    n_train=343,
    n_val=113,
    n_test=113,
    sha256="ddbd1a007cc7e50e403aa114e356d62d8c8a53e26bdea2441bd65f1d306bb75b",
    source="W. Wolberg, O. Mangasarian, N. Street and W. Street, UCI, 1995; by scikit-learn",
    licence=UCI_LICENCE,
)
WINE = DatasetInfo(
    name="wine",
    title="Wine recognition",
    task="classification",
    kind="table",
    shape=(13,),
    n_rows=178,
    n_features=13,
    n_classes=3,
    n_train=110,
    n_val=34,
    n_test=34,
    sha256="330764e81df993086e4fb25005402f41e72a65f9478a9d5e6801211aa32d8622",
    source="S. Aeberhard and M. Forina, UCI, 1992; by scikit-learn",
    licence=UCI_LICENCE,
)
IRIS = DatasetInfo(
    name="iris",
    title="Iris flowers",
    task="classification",
    kind="table",
    shape=(4,),
    n_rows=150,
    n_features=4,
    n_classes=3,
    n_train=90,
    n_val=30,
    n_test=30,
    sha256="0d4fd1357bcb81dc3c7af6b7c9e7b55e74792f95415e8c3c2d1900a3962fc533",
    source="R. A. Fisher, The use of multiple measurements in taxonomic problems, 1936; by scikit-learn",
    licence=UCI_LICENCE,
)
DIABETES = DatasetInfo(
    name="diabetes",
    title="Diabetes progression after one year",
    task="regression",
    kind="table",
    shape=(10,),
    n_rows=442,
    n_features=10,
    n_classes=None,
    n_train=266,
    n_val=88,
    n_test=88,
    sha256="333955c16dc16417a5af298f2297956d1a31a04a1d812ec048969c62318feb29",
    source="B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, Least Angle Regression, 2004; by scikit-learn",
    licence="BSD-3-Clause (as distributed with scikit-learn)",
)
