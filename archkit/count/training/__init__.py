"""What a training step takes on a GPU, from the plan."""

from archkit.count.training.peak import CUBLAS_WORKSPACE, TrainingPeak, training_peak

__all__ = ["CUBLAS_WORKSPACE", "TrainingPeak", "training_peak"]
