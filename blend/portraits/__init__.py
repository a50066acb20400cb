"""The people that training pictures are drawn from, and the styles they are drawn in."""
