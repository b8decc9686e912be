"""Program `unmask`, from a checkout: `python cli.py gen-data --help`.

An installed `unmask` starts `unmasknet.cli.program` instead, which no `cli.py` of a user can shadow.
"""

from unmasknet.cli.program import app, main

__all__ = ["app", "main"]

if __name__ == "__main__":
    main()
