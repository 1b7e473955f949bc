"""Meta-updates in PyTorch as they are usually written, to be compared with.

The same network, episodes and numbers as in `benchmarks.baselines`, second-order and without Adam.
Images are [N, channels, H, W], kernels [filters, channels, 3, 3] and the head's [ways, D].
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn import functional

from benchmarks.inputs import BLOCKS, EPSILON, PER_BLOCK, Arrays, adapted

# T tasks' support images [T, C·K, channels, H, W] and labels [T, C·K], then their queries'.
Tasks = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
Step = Callable[[Tasks], tuple[torch.Tensor, Sequence[torch.Tensor]]]


def looped(
    weights: Sequence[np.ndarray],
    steps: int,
    learning_rate: float,
    norm: str = "affine",
    memory_format: torch.memory_format = torch.contiguous_format,
) -> Step:
    """A Python loop over the tasks, inner gradients with `create_graph`, one backward pass.

    Args:
        weights: as `inputs.initial_weights` gives them.
        steps: U.
        learning_rate: α.
        norm: `affine` or `transductive`.
        memory_format: of images and kernels.
    """
    theta = [
        w.to(memory_format=memory_format) if w.ndim == 4 else w for w in from_tensorflow(weights)
    ]
    for w in theta:
        w.requires_grad_()

    def step(tasks: Tasks) -> tuple[torch.Tensor, Sequence[torch.Tensor]]:
        losses = []
        for support, labels, query, query_labels in zip(*tasks, strict=True):
            task = (
                support.contiguous(memory_format=memory_format),
                labels,
                query.contiguous(memory_format=memory_format),
                query_labels,
            )
            losses.append(_query_loss(_autograd, theta, task, steps, learning_rate, norm))
        loss = torch.stack(losses).mean()
        return loss.detach(), torch.autograd.grad(loss, theta)

    return step


def vmapped(
    weights: Sequence[np.ndarray], steps: int, learning_rate: float, norm: str = "affine"
) -> Step:
    """`torch.vmap` over the tasks of an inner loop by `torch.func.grad`; see `looped`."""
    theta = from_tensorflow(weights)

    def mean_loss(theta: Sequence[torch.Tensor], tasks: Tasks) -> torch.Tensor:
        def query_loss(*task: torch.Tensor) -> torch.Tensor:
            return _query_loss(torch.func.grad, theta, task, steps, learning_rate, norm)

        return torch.vmap(query_loss)(*tasks).mean()

    def step(tasks: Tasks) -> tuple[torch.Tensor, Sequence[torch.Tensor]]:
        gradients, loss = torch.func.grad_and_value(mean_loss)(theta, tasks)
        return loss, gradients

    return step


def tasks_of(arrays: Arrays) -> Tasks:
    """`inputs.episodes` in PyTorch's layout."""
    images, labels, query_images, query_labels = arrays
    return (
        torch.tensor(np.moveaxis(images, -1, -3)),
        torch.tensor(labels, dtype=torch.int64),
        torch.tensor(np.moveaxis(query_images, -1, -3)),
        torch.tensor(query_labels, dtype=torch.int64),
    )


def from_tensorflow(weights: Sequence[np.ndarray]) -> list[torch.Tensor]:
    """`inputs.initial_weights` in PyTorch's layout."""
    filters = weights[0].shape[-1]
    *theta, head, bias = weights
    theta = [w.transpose(3, 2, 0, 1) if w.ndim == 4 else w for w in theta]
    side = int(np.sqrt(len(head) // filters))
    # Features are flattened from [channels, H, W] here and from [H, W, channels] there.
    head = head.reshape(side, side, filters, -1).transpose(3, 2, 0, 1).reshape(head.shape[::-1])
    return [torch.tensor(np.ascontiguousarray(w)) for w in (*theta, head, bias)]


def to_tensorflow(weights: Sequence[torch.Tensor]) -> list[np.ndarray]:
    """Weights, or their gradients, in TensorFlow's layout again."""
    *theta, head, bias = (np.asarray(w.detach()) for w in weights)
    filters = len(theta[0])
    theta = [w.transpose(2, 3, 1, 0) if w.ndim == 4 else w for w in theta]
    side = int(np.sqrt(head.shape[1] // filters))
    head = head.reshape(-1, filters, side, side).transpose(2, 3, 1, 0).reshape(head.shape[::-1])
    return [*theta, head, bias]


def _autograd(function: Callable[..., torch.Tensor]) -> Callable[..., Sequence[torch.Tensor]]:
    """What `torch.func.grad` is, by `torch.autograd.grad`."""
    return lambda moving: torch.autograd.grad(function(moving), moving, create_graph=True)


def _query_loss(
    grad: Callable[..., Callable[..., Sequence[torch.Tensor]]],
    theta: Sequence[torch.Tensor],
    task: Sequence[torch.Tensor],
    steps: int,
    learning_rate: float,
    norm: str,
) -> torch.Tensor:
    """One task's loss after its inner loop.

    Args:
        grad: makes of a scalar function of the moving weights that of its gradients.
        theta: the initialization.
        task: support images and labels, query images and labels.
        steps: U.
        learning_rate: α.
        norm: `affine` or `transductive`.
    """
    images, labels, query_images, query_labels = task
    moves = adapted(norm)
    moving = [w for w, m in zip(theta, moves, strict=True) if m]
    support_loss = functools.partial(_loss, theta, moves, images=images, labels=labels, norm=norm)
    for _ in range(steps):
        gradients = grad(support_loss)(moving)
        moving = [w - learning_rate * g for w, g in zip(moving, gradients, strict=True)]
    return _loss(theta, moves, moving, query_images, query_labels, norm)


def _loss(
    theta: Sequence[torch.Tensor],
    moves: Sequence[bool],
    moving: Sequence[torch.Tensor],
    images: torch.Tensor,
    labels: torch.Tensor,
    norm: str,
) -> torch.Tensor:
    moved = iter(moving)
    weights = [next(moved) if m else w for w, m in zip(theta, moves, strict=True)]
    x = images
    for block in range(BLOCKS):
        first = PER_BLOCK[norm] * block
        kernel, *bias, gamma, beta = weights[first : first + PER_BLOCK[norm]]
        x = functional.conv2d(x, kernel, *bias, padding="same")
        if norm == "affine":
            scale = gamma * (1 / np.sqrt(1 + EPSILON)).item()
            x = x * scale[:, None, None] + beta[:, None, None]
        else:
            x = functional.batch_norm(x, None, None, gamma, beta, training=True, eps=EPSILON)
        x = functional.max_pool2d(functional.relu(x), 2)
    logits = functional.linear(x.flatten(1), weights[-2], weights[-1])
    return functional.cross_entropy(logits, labels)
