"""HIDRA-TF: few-shot classification with any number of classes from one checkpoint.

The rooms, in the order in which data passes through them:

    backbones → heads → adaptation → methods → training, evaluation → runs

A module imports only from rooms before it (`data_gen` comes before all of them).
"""

__version__ = "0.1.0"
