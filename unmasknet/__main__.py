"""`python -m unmasknet` and `torchrun -m unmasknet`: the program `unmask`, whatever lies in the working directory."""

from unmasknet.cli.program import main

main()
