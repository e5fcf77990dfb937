"""Logistic regression: the weights under which outcomes are likeliest."""

import numpy as np
from jaxtyping import Float

_MOST_STEPS = 100


def fit_logistic(
  columns: Float[np.ndarray, 'K N'],
  targets: Float[np.ndarray, ' N'],
  start: Float[np.ndarray, ' K'],
  *,
  ridge: Float[np.ndarray, ' K'] | float = 0.0,
) -> Float[np.ndarray, ' K']:
  """Least cross-entropy of sigmoid(weights @ columns), by damped Newton.

  Args:
    columns: what outcomes are told from, one row a weight.
    targets: outcomes, or their probabilities, 0..1.
    start: weights to begin with.
    ridge: half of it times a weight's square is added to the mean
      cross-entropy; of each weight, or of all.
  """

  def loss(weights):
    z = weights @ columns
    unlikely = float(np.mean(np.logaddexp(0, z) - targets * z))
    return unlikely + float(np.sum(ridge * weights**2)) / 2

  weights, n = start, len(start)
  for _ in range(_MOST_STEPS):
    p = sigmoid(weights @ columns)
    gradient = columns @ (p - targets) / len(p) + ridge * weights
    if np.abs(gradient).max() < 1e-10:
      break
    hessian = (columns * (p * (1 - p))) @ columns.T / len(p)
    damped = hessian + np.diag(np.broadcast_to(ridge + 1e-12, n))
    step = np.linalg.solve(damped, gradient)
    here, share = loss(weights), 1.0
    while loss(weights - share * step) > here and share > 1e-8:
      share /= 2
    weights = weights - share * step
  return weights


def sigmoid(z: Float[np.ndarray, '...']) -> Float[np.ndarray, '...']:
  """Returns 1 / (1 + e^-z), without overflow on either side."""
  return np.exp(-np.logaddexp(0, -z))
