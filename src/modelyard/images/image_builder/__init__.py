"""Builds a container image from a folder with a Dockerfile: a program for the image builder."""
