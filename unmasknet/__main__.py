"""Entry point of `python -m unmasknet` and `torchrun -m unmasknet`: runs `unmask` from any working directory."""

from unmasknet.cli.program import main

main()
