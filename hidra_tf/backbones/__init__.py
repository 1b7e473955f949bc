"""Backbones f_θ: networks from pictures to features, and the layers that they are made of."""
