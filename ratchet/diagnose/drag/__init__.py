"""Contextual drag: what wrong drafts in the context do to a policy, measured with its controls.

Cheng, Zhu, Zhao and Arora, "Contextual Drag: How Errors in the Context Affect LLM Reasoning",
arXiv 2602.04288; protocol and prompts after their released code (princeton-pli/contextual-drag).
"""
