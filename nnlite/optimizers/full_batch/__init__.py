"""Full-batch optimizers, which use the loss over all rows; one epoch of `fit` is one iteration."""

from nnlite.optimizers.full_batch.base import FullBatchOptimizer
from nnlite.optimizers.full_batch.bayesian import BayesianRegularization
from nnlite.optimizers.full_batch.gauss_newton import GaussNewton
from nnlite.optimizers.full_batch.lbfgs import LBFGS
from nnlite.optimizers.full_batch.levenberg_marquardt import LevenbergMarquardt
from nnlite.optimizers.full_batch.newton_cg import NewtonCG

__all__ = ["LBFGS", "BayesianRegularization", "FullBatchOptimizer", "GaussNewton", "LevenbergMarquardt", "NewtonCG"]
