"""The tiny world: questions about pictures of two by two cells, for a model that trains on a laptop.

A cell contains a real handwritten digit (scikit-learn's `load_digits`) or a drawn shape. Digit instances are
split once into train, validation and test, so no handwriting of the evaluation is ever trained on. Every task
has an answer, a direct response and a chain of thought that names everything it sees before it computes. With
`slips` the chain first makes a mistake and then corrects itself after "Wait" or "Alternatively".
"""

from r1v3.data.world.item import WorldItem as WorldItem
from r1v3.data.world.looks import DOMAINS, LOOKS, Look
from r1v3.data.world.tasks import TASKS
from r1v3.data.world.world import World

__all__ = ["DOMAINS", "LOOKS", "TASKS", "Look", "World", "WorldItem"]
