"""HIDRA-TF's command line: `python main.py --help` tells what there is."""

from flags.command import run

if __name__ == "__main__":
    run()
