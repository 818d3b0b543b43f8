"""How images become the input of a network, and outputs pictures again."""

from striate.network.images.preprocessing import Preprocessing

__all__ = ["Preprocessing"]
