"""A run: passes through the examples, what is measured after each, and what is kept."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from typing import NoReturn

import numpy as np

from striate.errors import FileError, TrainingError
from striate.network import Network
from striate.runtime.learning import Learner
from striate.runtime.learning.blame import first_not_finite
from striate.runtime.learning.losses import find_loss
from striate.training.ahead import Ahead
from striate.training.data.augmentation import Augmentation
from striate.training.evaluation import judged
from striate.training.examples import Parts
from striate.training.interruption import Interruption, Stopped
from striate.training.keeping import Keeper
from striate.training.loop import Lessons, NotFinite, Pass, rates_of, run_pass
from striate.training.progress import Display, waiting
from striate.training.result import Best, Epoch, Result
from striate.training.schedules import Schedule
from striate.training.settings import Settings

__all__ = ["Run"]

AT_LEAST = 256
"""Examples that are judged at a time, or as many as a step has if that is more."""


@dataclass(eq=False)
class Run:
    """A network in training.

    `given` is the network as it was given; what learns may be another form of it. `block` is the
    number of steps between looks at the clock, where processes must agree on it.
    """

    given: Network
    learner: Learner
    parts: Parts
    settings: Settings
    schedule: Schedule
    changes: Augmentation | None
    keeper: Keeper
    block: int | None = None
    history: tuple[Epoch, ...] = ()
    course: Pass | None = None
    best: Best | None = None

    def to_the_end(self, display: Display, on_epoch: Callable[[Epoch], None] | None) -> Result:
        """Run the passes that are left."""
        interruption = Interruption(getattr(self.learner, "agreed", None))
        try:
            try:
                with interruption:
                    self._prepare(display)
                    while not self._over:
                        epoch = self._next(display, interruption)
                        self.keeper.ended(self)
                        if on_epoch:
                            on_epoch(epoch)
                        interruption.check()
                    self.keeper.close(self)
                    interruption.check()  # a signal that came meanwhile is not for us to swallow
            except Stopped:
                self.keeper.stopped(self)
        except KeyboardInterrupt:  # from on_epoch, or a second one
            raise KeyboardInterrupt(self._stopped) from None
        except FileError as error:  # such as a full disk
            raise FileError(f"{error}{self.keeper.kept()}") from None
        finally:
            self.keeper.release()
        if interruption.number is not None:
            display.close()
            self._obey(interruption.number)
        late = self.history[-1].number < self.settings.epochs
        return Result(self.network(), self.history, self.settings, self.best, late)

    def network(self) -> Network:
        """Return the network as it is now."""
        how = self.parts.preprocessing or self.given.preprocessing
        return replace(self.given, weights=self.learner.network().weights, preprocessing=how)

    def _obey(self, number: int) -> NoReturn:
        """End as the signal wants it, but not without a word: a default SIGTERM leaves no other."""
        if number == signal.SIGTERM:
            if self.keeper.leads and signal.getsignal(number) is signal.SIG_DFL:
                print(f"striate: {self._stopped}", file=sys.stderr, flush=True)
            sys.stdout.flush()
            signal.raise_signal(number)
        raise KeyboardInterrupt(self._stopped)

    @property
    def _stopped(self) -> str:
        return f"stopped {self._where()}{self.keeper.kept()}"

    @property
    def begun_at(self) -> int:
        """How many examples were met before, in all passes."""
        in_this = self.course.done if self.course else 0
        return len(self.history) * len(self.parts.train) + in_this

    @property
    def _over(self) -> bool:
        if len(self.history) >= self.settings.epochs:
            return True
        patience = self.settings.patience
        if patience is None or self.best is None:
            return False
        return self.history[-1].number - self.best.epoch.number >= patience

    @property
    def steps_per_epoch(self) -> int:
        """How many steps a pass has."""
        return ceil(len(self.parts.train) / self.settings.batch_size)

    def rate_of(self, step: int) -> float:
        """The learning rate of a step since training began, not rounded to float32."""
        settings = self.settings
        factor = self.schedule.factor(step, self.steps_per_epoch, settings.epochs)
        return float(f"{settings.rate * factor:.12g}")  # 0.1 * 0.1 is 0.01 to people

    def _prepare(self, display: Display) -> None:
        """Compile the kernels before the clock starts, and leave no trace in the learner."""
        if self._over:
            return
        with waiting("compiling kernels (first run only)", display.shown):
            network, state = self.learner.network(), self.learner.state()
            images, labels = self.parts.train.take(slice(0, self.settings.batch_size))
            self.learner.learn(images, labels, np.zeros(1, np.float32))
            self.learner.restore(network.weights, state)
        self.keeper.begin(self)

    def _next(self, display: Display, interruption: Interruption) -> Epoch:
        """Run one pass, and measure."""
        settings, number = self.settings, len(self.history) + 1
        if self.course is None:
            self.course = Pass(number, np.zeros(len(self.parts.train), np.float32))
        course, steps = self.course, self.steps_per_epoch
        rates = rates_of(self.schedule, settings.rate, steps, settings.epochs, number)
        on_gpu = settings.device not in ("cpu", "torch")  # which leaves the processor free
        lessons = (Ahead if on_gpu else Lessons)(
            self.parts.train,
            number,
            settings.seed,
            shuffle=settings.shuffle,
            changes=self.changes,
        )

        def between(loss: float) -> None:
            step = ceil(course.done / settings.batch_size)
            display.update(course, loss, float(rates(step - 1, 1)[0]))
            interruption.check()
            self.keeper.tick(self)

        try:
            run_pass(self.learner, lessons, course, rates, between, block=self.block)
        except NotFinite as found:
            raise self._explained(found) from None
        measured = self._measured(interruption)
        epoch = Epoch(
            number=number,
            steps=number * steps,
            rate=self.rate_of(number * steps - 1),
            train_loss=course.loss,
            train_error=course.error,
            seconds=course.seconds,
            examples_per_second=len(course.losses) / course.seconds,
            **measured,
        )
        self.history, self.course = (*self.history, epoch), None
        if epoch.validation_error is not None and self._is_best(epoch.validation_error):
            self.best = Best(self.network(), epoch)
        return epoch

    def _is_best(self, error: float) -> bool:
        known = None if self.best is None else self.best.epoch.validation_error
        return known is None or error < known

    def _measured(self, interruption: Interruption) -> dict[str, float | None]:
        """Return losses and errors on the examples that the network does not learn from."""
        found: dict[str, float | None] = {}
        size = max(AT_LEAST, self.settings.batch_size)
        for name, examples in (("validation", self.parts.validation), ("test", self.parts.test)):
            if examples is not None:
                loss = find_loss(self.settings.loss)
                result = judged(self.learner.scores, examples, size, loss, interruption.check)
                found |= {f"{name}_loss": result.loss, f"{name}_error": result.error}
        return found

    def _explained(self, found: NotFinite) -> TrainingError:
        """Return the error that names what made the first value that is not finite."""
        self.keeper.failed(self)
        network, loss = self.learner.network(), self.settings.loss
        maker = first_not_finite(network, found.images, found.labels, loss)  # type: ignore[arg-type]
        number = len(self.history) + 1
        advice = f"try {self.settings.calmer}"
        if number == 1 and found.step == 0:
            advice = "look at the images and at the weights that it begins with"
        return TrainingError(
            f"{network.name}: the loss is not finite at step {found.step + 1} of epoch {number}: "
            f"{maker}; {advice}{self.keeper.left()}"
        )

    def _where(self) -> str:
        if self.course is not None and self.course.done:
            return f"in epoch {self.course.number}"
        return f"after epoch {len(self.history)}" if self.history else "before the first epoch"
