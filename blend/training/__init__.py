"""Training of networks, from scratch or from a network file."""

import blend.engine  # noqa: F401  TensorFlow, quietly
