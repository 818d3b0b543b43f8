"""Networks in training: losses, gradient descent, and what does them."""

from striate.runtime.learning.assignment import Assignment
from striate.runtime.learning.choosing import learner
from striate.runtime.learning.descent import Descent
from striate.runtime.learning.learner import Learner, Lesson
from striate.runtime.learning.plain import PlainLearner

__all__ = ["Assignment", "Descent", "Learner", "Lesson", "PlainLearner", "learner"]
