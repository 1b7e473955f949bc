"""Classifiers of a person's own pictures, in scikit-learn's manners."""
