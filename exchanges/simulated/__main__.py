"""`python -m exchanges.simulated`: serve simulated venues as a process of their own."""

import sys

from exchanges.simulated.own_process import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
