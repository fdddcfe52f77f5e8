"""One row with the exact columns of each benchmark's published file."""

FOUR = {"A": "one", "B": "two", "C": "three", "D": "four"}
ROWS = {
    "mmmu_val": {
        "index": 3, "question": "Compare <image 1> with <image 2>.", **FOUR, "E": "", "answer": "C",
        "explanation": "", "topic_difficulty": "Easy", "question_type": "multiple-choice",
        "subfield": "Ecology", "image_type": "['Plots']", "category": "Biology",
        "l2-category": "Science", "split": "validation", "id": "validation_Biology_1", "pictures": 2,
    },
    "emma_mini": {
        "index": "math_1", "question": "What is in <image_1>?", "options": "['one', 'two']", "answer": "B",
        "solution": "", "subject": "Math", "task": "2D", "category": "Shapes", "source": "x",
        "type": "Multiple Choice", "context": "Look.",
    },
    "mmmu_pro_standard": {
        "index": 1, "id": "test_History_1", "question": "Which trend does <image 1> show?", **FOUR,
        "E": "five", "F": "six", "G": "", "answer": "F", "category": "History",
    },
    "mmk12": {
        "index": "c1", "question": "<image>Find x ( )\nA. 1\nB. $\\frac{1}{2}$\nC. 2\nD. 3", "answer": "B",
        "subject": "math",
    },
    "mmstar": {
        "index": 0, "question": "Which?", **FOUR, "answer": "D", "category": "math",
        "l2_category": "geometry", "bench": "MathVista",
    },
    "mmbench_en_v11": {
        "index": 1000241, "question": "Which?", "hint": "It is red.", **FOUR, "answer": "A",
        "category": "ocr", "l2-category": "finegrained_perception", "source": "x", "split": "dev",
    },
    "hallusionbench": {
        "index": "VS_map_2_4_1_0", "category": "VS", "l2-category": "VS_map", "answer": "Yes",
        "question": "Is it larger?",
    },
    "mathvista_mini": {
        "index": 5, "question": "Hint: Please answer.\nQuestion: Find it.\nChoices:\n(A) 1.2\n(B) 1.3",
        "choices": "['1.2', '1.3']", "answer": "1.3", "answer_option": "B", "unit": "", "precision": "",
        "question_type": "multi_choice", "answer_type": "text", "pid": 5, "task": "geometry",
        "skills": "['algebraic reasoning']", "split": "testmini", "source": "x", "grade": "college",
    },
    "mathverse_vision_only": {
        "index": 9, "question": "According to the image, answer.", "query_cot": "First think, then answer.",
        "query_wo": "Answer.", "question_for_eval": "Find angle A.", "answer": "D",
        "question_type": "multi-choice", "metadata": "{'subject': 'Plane Geometry', 'subfield': 'Angle'}",
        "problem_version": "Vision Only", "problem_index": 2, "sample_index": 9,
    },
    "mathvision": {
        "index": 17, "question": "How many?\n<image1>", "choices": "[]", "answer": "60",
        "category": "counting", "level": 2, "solution": "",
    },
    "wemath": {
        "index": 2, "ID": "7", "key": "3steps_multi", "question": "What is the area?", **FOUR,
        "E": "No correct answer", "answer": "B", "requirement": "End with <Answer>.", "split": "testmini",
        "knowledge concept": "Area", "question number": 3, "knowledge concept description": "d",
    },
    "visulogic": {
        "index": 8, "question": "Choose A, B, C or D.", "answer": "C", "category": "Spatial Reasoning",
    },
    "logicvista": {
        "index": "v1_1", "question": "Which two?", "answer": "A, C", "skill": "['inductive']",
        "reasoning": "x", "broad_capability": "['diagram']", "specific_capability": "['pattern']",
    },
    "mme_reasoning": {
        "index": 12, "question": "Fill the triangle.", "answer": "", "question_type": "Rule",
        "function_id": "calculate_answer_function_10", "prompt_id": "id_answer_pair_prompt",
        "special_info": "", "capability": "calculation", "reasoning_type": "deductive",
    },
    "phyx_mini_mc": {
        "index": 4, "question": "How fast is it?", "question_simply": "s", "question_description": "d",
        **FOUR, "answer": "A", "category": "Mechanics", "subfield": "Kinematics", "reasoning_type": "r",
    },
    "seephys": {
        "index": 6, "question": "Find the force.", "answer": "F = 2 m g", "subject": "CM", "level": 5,
        "language": "English", "sig_figs": "", "caption": "c", "img_category": "spring",
        "vision_relevance": "essential", "source": "x",
    },
    "mmmu_pro_vision": {
        "index": 1, "id": "test_History_1", "answer": "B", "category": "History", **FOUR, "E": "five",
    },
    "olympiadbench": {
        "index": 2231, "question": "Find the radius.", "solution": "['...']", "final_answer": "['$8.1$']",
        "context": "A star.", "modality": "Multimodal", "difficulty": "Competition", "subject": "Physics",
        "is_multiple_answer": "False", "unit": "km", "answer_type": "Numerical", "error": "1e-1",
        "question_type": "Open-ended", "subfield": "Optics", "source": "OE_MM_physics_en_COMP",
        "language": "English",
    },
    "csvqa": {
        "index": "p_12", "zh_question": "<image>求力", "en_question": "<image>Find the force",
        "zh_A": "", "en_A": "", "answer": "2N", "category": "Physics", "question_type": "open",
        "image_type": "diagram", "difficulty": "hard", "explanation": "e",
    },
    "gaokao_2025": {
        "index": 9, "paper": 1, "type": "multiple", "points": 6, "question": "选出正确的", **FOUR,
        "answer": "AC",
    },
}  # fmt: skip
