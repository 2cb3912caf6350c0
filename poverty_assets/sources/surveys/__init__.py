"""Household surveys: a wave's folder, read into the canonical household frame.

Belongs here: what ``survey.yaml`` may say, the canonical file, and adapters of well-known surveys (``dhs``, ``mics``) with the
rules that countries share (``recodes``). Does not belong here: estimates (``measurement``), or facts about one country's
questionnaire (``countries/<code>/surveys``).
"""

from poverty_assets.sources.surveys.canonical import Households, read_households, read_wave
from poverty_assets.sources.surveys.wave import WaveDescription, read_wave_description

__all__ = ["Households", "WaveDescription", "read_households", "read_wave", "read_wave_description"]
