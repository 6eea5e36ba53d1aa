"""`python -m otterwiki_robot` is `robot`."""

from __future__ import annotations

from otterwiki_robot.cli import main

if __name__ == "__main__":
    main()
