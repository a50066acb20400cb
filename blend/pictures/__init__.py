"""Latents and networks in, pictures out."""
