"""Reinforcement learning by GRPO (section 3.3).

`trainer` has the loop, `setup` opens or resumes a run. `sampling` writes rollouts and rewards them. `loss`
has the advantages, the loss and the gradient steps. `passes` divides an episode into forward passes.
`records` writes metrics and rollouts. `resume` keeps what an unfinished run needs.
"""
