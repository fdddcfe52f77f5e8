"""Computes rewards: format (eq. 1), accuracy by rules or a verifier (eq. 2), and their sum (eq. 3).

Importing this package loads neither torch nor sympy.
"""

from r1v3.reward.choice.letters import extract_letters
from r1v3.reward.grader import Grader, grade
from r1v3.reward.text.extract import extract_answer
from r1v3.reward.text.format import combine, format_reward
from r1v3.reward.verdict import Verdict

__all__ = [
    "Grader",
    "Verdict",
    "combine",
    "extract_answer",
    "extract_letters",
    "format_reward",
    "grade",
]
