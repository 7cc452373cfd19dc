"""python -m sluice_demo"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests/support"))

from sluice_demo.cli import main  # noqa: E402  (the path has to be known first)

sys.exit(main(sys.argv[1:]))
