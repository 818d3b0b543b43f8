"""From a graph to a plan to a program: whole networks, forward and backward."""

from striate.runtime.learning import Descent, Learner, Lesson, learner
from striate.runtime.limits import Limits, measured_limits
from striate.runtime.plan_report import PlanReport, PlanStep, PlanTotals
from striate.runtime.profile_report import ProfileReport, ProfileStep
from striate.runtime.program import Program, RandomWeightsWarning, compile
from striate.runtime.trainable import Trainable

__all__ = [
    "Descent",
    "Learner",
    "Lesson",
    "Limits",
    "PlanReport",
    "PlanStep",
    "PlanTotals",
    "ProfileReport",
    "ProfileStep",
    "Program",
    "RandomWeightsWarning",
    "Trainable",
    "compile",
    "learner",
    "measured_limits",
]
