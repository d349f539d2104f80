"""The contestants, each as its documentation advises, in its own environment.

They may import `progress`, and nothing else of ours.
"""
