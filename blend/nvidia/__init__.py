"""NVIDIA's own repository as an engine, and the programs of 2019 to 2021 that were written for it."""

import blend.engine  # noqa: F401  TensorFlow, quietly
