"""Brings a model version into an online endpoint of Azure Machine Learning, step by step, and back again."""
