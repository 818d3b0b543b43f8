"""What is wrong with a network's shapes, the repairs that would work, and advice where all fits."""

from striate.network.doctor.diagnosis import Diagnosis, diagnose

__all__ = ["Diagnosis", "diagnose"]
