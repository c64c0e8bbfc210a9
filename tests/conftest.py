"""Settings of the whole suite."""

import os

os.environ.setdefault(
    "SCIPY_ARRAY_API", "1"
)  # scikit-learn skips some of its checks otherwise; read by scipy once
