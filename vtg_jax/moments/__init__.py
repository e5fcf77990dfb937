"""Moments and the languages in which systems say when: no jax in here."""

from vtg_jax.moments.answer import Answer, Caption, Highlights
from vtg_jax.moments.moment import Absent, Moment, Round

__all__ = ['Absent', 'Answer', 'Caption', 'Highlights', 'Moment', 'Round']
