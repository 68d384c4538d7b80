"""The control plane.

Its matrices are small, and its process answers many requests: threads of a linear algebra library would take turns
waiting for each other, and the comparison with random search took four times the CPU time it takes with one. Said here,
because the library reads it when numpy is first imported; who sets the variable is believed.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
