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
    sha256="cd7660b926389795f75a14cf21d0f7ebf61f3290c1cafac381a06867dc482446",
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
    sha256="eee402c34f2ceaefa2a116a56bc6ec6773cdbb01ab08a5e904df73e13ec97a0f",
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
    sha256="bb32101bbfabaa4b69655145f8d8450abed486275f57bebd674e9fe1d7c0d681",
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
    sha256="7ad5a966b3e8e1d4d967f46ed93bb01e5c76ff661b8170fc3bb8437111f18270",
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
    sha256="7f43cd45437c3854e8c273fe9805abfbf46c420686ce7b66afcb95b27adf82d5",
    source="B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, Least Angle Regression, 2004; by scikit-learn",
    licence="BSD-3-Clause (as distributed with scikit-learn)",
)
