"""Miniatures of the general benchmarks and of those that cross languages."""

from r1v3.data.records import LETTERS
from r1v3.evaluate.miniature.draw import (
    Drawer,
    ask_larger,
    encoded,
    lettered,
    number_pictures,
    with_options,
)

DISCIPLINES = ("Art & Design", "Business", "Health & Medicine", "Science", "Tech & Engineering")
MMSTAR = {"shape_count": "instance reasoning", "colour_at": "fine-grained perception"}
CSVQA_SUBJECTS = {
    "mathematics": "Math",
    "physics": "Physics",
    "chemistry": "Chemistry",
    "biology": "Biology",
}
CHINESE = {
    "sum": "四个数的和是多少？",
    "largest": "四个数中最大的是多少？",
    "even": "四个数中有几个是偶数？",
    "difference": "四个数中最大的减去最小的是多少？",
}
Rows = list[dict[str, str]]


def mmmu_val(draw: Drawer, items: int) -> Rows:
    """Draw choices, with one item in twenty open. Every other item has two pictures, marked in the text."""
    rows = []
    for number in range(items):
        task = "two_pictures" if number % 2 else None
        item = draw.item("open" if number % 20 == 3 else "mcq", task=task)
        question = number_pictures(item.question) if task else f"<image 1>\n{item.question}"
        options = (
            lettered(item) if item.options else {"answer": f"['{item.answer}', '{item.answer}.0']"}
        )
        rows.append(
            {
                "index": str(number),
                "id": f"validation_{item.domain}_{number}",
                "question": question,
                "image": encoded(item.images),
                **options,
                "category": item.domain,
                "l2-category": DISCIPLINES[draw.domains.index(item.domain) % 5],
                "split": "validation",
            }
        )
    rows.append({**rows[0], "index": str(items), "id": "dev_1", "split": "dev"})
    return rows


def emma_mini(draw: Drawer, items: int) -> Rows:
    """Draw choices and open items, some with a context, with marks such as `<image_1>`."""
    rows = []
    for number in range(items):
        item = draw.item("open" if number % 4 == 0 else "mcq")
        rows.append(
            {
                "index": f"{item.domain}_{number}",
                "question": f"<image_1>\n{item.question}",
                "context": "",
                "image": encoded(item.images),
                "type": "Multiple Choice" if item.options else "Open-Ended",
                "subject": item.domain,
                "task": item.task,
                "options": str(list(item.options or ())),
                "answer": item.answer,
            }
        )
    return rows


def mmmu_pro_standard(draw: Drawer, items: int) -> Rows:
    """Draw choices of five to ten options."""
    rows = []
    for number in range(items):
        item = draw.item("open")
        rows.append(
            {
                "index": str(number),
                "id": f"test_{item.domain}_{number}",
                "question": f"<image 1>\n{item.question}",
                "image": encoded(item.images),
                **draw.chosen(int(item.answer), 5 + number % 6),
                "category": item.domain,
            }
        )
    return rows


def mmmu_pro_vision(draw: Drawer, items: int) -> Rows:
    """Draw questions that are in the picture and nowhere else."""
    rows = []
    for number in range(items):
        item = draw.item("mcq")
        rows.append(
            {
                "index": str(number),
                "id": f"test_{item.domain}_{number}",
                "image": encoded(item.images),
                **lettered(item),
                "category": item.domain,
            }
        )
    return rows


def mmk12(draw: Drawer, items: int) -> Rows:
    """Draw choices of four options that are lines of the question."""
    rows = []
    for number in range(items):
        item = draw.item("open")
        chosen = draw.chosen(int(item.answer), 4)
        answer = chosen.pop("answer")
        rows.append(
            {
                "index": str(number),
                "question": with_options(item.question, tuple(chosen.values())),
                "image": encoded(item.images),
                "answer": answer,
                "subject": item.domain,
            }
        )
    return rows


def mmstar(draw: Drawer, items: int) -> Rows:
    """Draw choices of four options that need the picture."""
    rows = []
    for number in range(items):
        item = draw.item("mcq")
        rows.append(
            {
                "index": str(number),
                "question": item.question,
                "image": encoded(item.images),
                **lettered(item),
                "category": MMSTAR.get(item.task, "logical reasoning"),
                "l2_category": item.task,
            }
        )
    return rows


def mmbench_en_v11(draw: Drawer, items: int) -> Rows:
    """Draw each question in every rotation of its options. Rotations refer to the first one's picture."""
    rows = []
    for group in range(1, max(1, items // 4) + 1):
        item = draw.item("mcq")
        assert item.options is not None, "a choice has options"
        for turn in range(len(item.options)):
            options = item.options[turn:] + item.options[:turn]
            right = options.index(item.options["ABCD".index(item.answer)])
            rows.append(
                {
                    "index": str(group + turn * 1_000_000),
                    "question": item.question,
                    "hint": "",
                    "image": encoded(item.images) if turn == 0 else str(group),
                    **dict(zip(LETTERS, options, strict=False)),
                    "answer": LETTERS[right],
                    "category": item.task,
                    "l2-category": "attribute_reasoning",
                    "split": "dev",
                }
            )
    return rows


def hallusionbench(draw: Drawer, items: int) -> Rows:
    """Draw sets of two figures with two contrary questions each. One row of the file has no picture."""
    rows = []
    for number in range(max(1, items // 4)):
        first, second = draw.rng.sample(range(4), 2)
        category, subcategory = (("VD", "illusion"), ("VS", "chart"))[number % 2]
        domain = draw.domains[number % len(draw.domains)]
        for figure in range(2):
            item = draw.item("open", task="sum", domain=domain)
            for question, (a, b) in enumerate(((first, second), (second, first))):
                text, answer = ask_larger(item, a, b)
                rows.append(
                    {
                        "index": f"{category}_{subcategory}_{figure + 1}_{number}_{figure}_{question}",
                        "question": text,
                        "image": encoded(item.images),
                        "answer": answer,
                        "category": category,
                        "l2-category": f"{category}_{subcategory}",
                    }
                )
    blind = {"index": "VS_chart_0_0_0_0", "image": "", "category": "VS", "l2-category": "VS_chart"}
    return [*rows, {**blind, "question": "Is one larger than two?", "answer": "No"}]


def csvqa(draw: Drawer, items: int) -> Rows:
    """Draw rows with a Chinese and an English wording: choices and open items."""
    rows = []
    for number in range(max(1, items // 2)):
        item = draw.item("open" if number % 4 == 0 else "mcq")
        options = lettered(item) if item.options else {"answer": item.answer}
        both = {
            f"{language}_{letter}": options[letter]
            for language in ("zh", "en")
            for letter in LETTERS
            if letter in options
        }
        rows.append(
            {
                "index": str(number),
                "zh_question": CHINESE[item.task],
                "en_question": item.question,
                "image": encoded(item.images),
                "question_type": "choice" if item.options else "open",
                "answer": options["answer"],
                "category": CSVQA_SUBJECTS[item.domain],
                "difficulty": item.difficulty,
                **both,
            }
        )
    return rows
