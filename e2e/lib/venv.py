"""Virtual environments with packages from PyPI."""

import subprocess
import sys


def python_of(venv, *wanted):
    """The interpreter of a virtual environment that has these packages, or those of `--requirement FILE`. One that is there
    already is brought up to date."""
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *wanted], check=True)
    return venv / "bin" / "python"
