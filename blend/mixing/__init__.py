"""Blending and merging: which variable comes from where (`plan`), the arithmetic (`methods`), files (`blends`)."""

from blend.mixing.blends import blend, blend_files, blend_variables, merge
from blend.mixing.methods import METHODS, mix
from blend.mixing.plan import MERGED, RULES, SIDES, Change, Rule, Share, Weights, check_rule, plan, shares
from blend.networks.network import check_same_architecture

__all__ = ["MERGED", "METHODS", "RULES", "SIDES", "Change", "Rule", "Share", "Weights", "blend", "blend_files",
           "blend_variables", "check_rule", "check_same_architecture", "merge", "mix", "plan", "shares"]
