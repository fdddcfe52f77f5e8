"""The words that a rule may pass over. An answer with any other word is left to the verifier.

These lists are closed on purpose. A list of words that spoil an answer (`squared`, `below zero`, `不对`) is
never complete, and a policy finds its gaps. A list of words that change nothing can only be too short.
"""

import re
from functools import lru_cache

from r1v3.reward.maths.units import parse_unit

# Things that school questions count. A word of the question counts too.
_COUNTED_WORDS = """
people person persons student students child children kid kids boy boys girl girls man men woman
women friend friends player players worker workers teacher teachers member members team teams
class classes apple apples orange oranges pear pears banana bananas egg eggs cake cakes cookie
cookies candy candies book books page pages pen pens pencil pencils card cards ticket tickets
coin coins stamp stamps toy toys ball balls block blocks cube cubes box boxes bag bags marble
marbles stick sticks tile tiles bead beads car cars bus buses bike bikes train trains boat boats
tree trees flower flowers seat seats room rooms dog dogs cat cats bird birds fish cow cows sheep
horse horses rabbit rabbits chicken chickens animal animals object objects item items thing
things piece pieces group groups set sets row rows column columns way ways case cases
point points line lines side sides edge edges vertex vertices face faces angle angles triangle
triangles square squares rectangle rectangles circle circles dot dots segment segments number
numbers digit digits integer integers solution solutions roots value values term terms
subset subsets element elements factor factors divisor divisors arrangement arrangements
combination combinations permutation permutations possibility possibilities path paths step
steps unit units game games goal goals vote votes question questions problem problems word words
letter letters shape shapes store stores customer customers house houses bottle bottles cup cups
plate plates chair chairs table tables window windows atom atoms molecule molecules electron
electrons proton protons neutron neutrons ion ions bond bonds
"""
COUNTED = frozenset(_COUNTED_WORDS.split())
# Chinese measure words, a closed class of the language.
MEASURES = frozenset(
    "个只条张本种次人名位件块支棵头辆道页岁根台把间枚颗粒朵家座层排行列级场份套束串篇首幅户队班辈匹艘架盏扇滴瓶杯碗盘盒箱袋包"
    "筐桶车面顶口尾项样类步圈遍处所门节课题分组"
)
# Counted things after a measure word.
_NOUNS = """
题 题目 苹果 桃子 梨 橘子 香蕉 鸡蛋 糖 糖果 蛋糕 学生 同学 小朋友 老师 工人 男生 女生 小球 球 红球 白球
黑球 书 图书 铅笔 钢笔 本子 卡片 邮票 玩具 汽车 自行车 树 花 鸡 鸭 鱼 兔子 羊 牛 马 人 数 点 解
根 实数根 零点 交点 公共点 三角形 正方形 长方形 圆 面 棱 顶点 小正方体 正方体 元素 子集 整数
自然数 因数 约数 质数 方法 选法 排法 情况 可能 方案
"""
NOUN_WORDS = frozenset(_NOUNS.split())
# Words of a sentence that states a value: connectives, articles, verbs that equate, names of quantities.
_PLAIN_WORDS = """
a an the this that these those there it its he she they we i you our my is are was were be been
being has have had equals equal gives give get gets got makes make made needs need costs cost
spends spend spent pays paid sells sold buys bought earns earned weighs measures contains holds
find found obtain obtained see conclude concluded know follows follow means mean shows show
indicates becomes become remains remain takes took will would can must should does do did of in
on at to for from by with per each every all both between among into as and so thus hence
therefore then consequently finally overall now here according based given since because when
where which who what total sum difference product quotient result answer value number amount
area perimeter volume length width height radius diameter side sides angle angles degree degrees
slope distance speed rate time average median mode range maximum minimum largest smallest
highest lowest greatest probability ratio fraction percentage percent solution solutions root
roots correct final right best missing next required desired following possible remaining first
only exactly about approximately around triangle square rectangle circle line point shape figure
graph chart table image picture diagram pattern sequence sequences equation function expression
system matrix matrices identity zero special fractions distinct arithmetic geometric meet meets
conditions condition domain game win wins could might may formed multiplying than general driven
taken seen known daily low high temperature temperatures rounding rounded round decimal decimals
places place nearest velocity accuracy ordered pair pairs solves question mark red blue green
yellow black white rest one x y z n k using subtracting adding removing leaves leaving
after together your two three
"""
_PLAIN = frozenset(_PLAIN_WORDS.split())
_PLAIN_CHINESE = """
答案 答 最后 概率 面积 周长 体积 长度 长 宽 高 半径 直径 最大值 最小值 最大 最小 值 结果 一共 总共 共
总数 总和 和 差 积 商 的 为 是 有 等于 所以 因此 故 综上 综上所述 从而 于是 则 即 解得 可得 得
得到 得出 可知 我们 可以 就 也 应 应该 应当 方程 解 根 函数 图象 图像 不等式 解集 取值范围 实数
数 数列 通项 公式 通项公式 前 项 第 个 角 度数 速度 时间 距离 路程 价格 人数 个数 三角形 圆
正方形 长方形 本题 此题 该题 题 最终 正确 需要 要求 所求 求得 它 它们 其 这 该 了 在 上 中 当 时
平均 平均数 中位数 众数 方差 标准差 系数 常数项 直线 曲线 斜率 坐标 点 直角 边 边长 斜边 棱长
表面积 侧面积 圆心 焦点 离心率 标准 切线 还 剩 剩下 每 人 小时
"""
# Words that reverse a statement or compute with its value. They never pass, whatever the question says.
_TURNING_WORDS = """
not no never nor neither none cannot without except but unless if either or maybe perhaps
possibly half twice double triple thrice squared cubed plus minus hundred thousand tenth tenths
base power exponent wrong incorrect false untrue anything everything nothing nobody
"""
TURNING = frozenset(_TURNING_WORDS.split()) | frozenset("不没无非未否或若除错半倍负")
# Words before a counted thing.
_COLOURS = """
red blue green yellow black white orange purple pink brown gray grey small big large tiny square
cubic
"""
COLOURS = frozenset(_COLOURS.split())
_WORD = re.compile(r"(?<![A-Za-z\\])[A-Za-z]+(?:['’][a-z]+)?|[\u4e00-\u9fff]+")
_LETTER = re.compile(r"[A-Za-z]'?|[A-Z]{2,4}'?")


@lru_cache(maxsize=4_096)
def words_of(question: str) -> frozenset[str]:
    """Return the words of a question that a statement about it may repeat.

    For Chinese these are single characters and pairs of them.
    """
    found: set[str] = set()
    for word in _WORD.findall(question[:8_000]):
        if word[0].isascii():
            found.update((word.casefold(), _stem(word.casefold())))
        else:
            found.update(word[i : i + 2] for i in range(len(word) - 1))
            found.update(word)
    return frozenset(found) - TURNING


@lru_cache(maxsize=4_096)
def asked_for(question: str) -> frozenset[str]:
    """Return the nouns that a question asks to count: `how many words`, `number of words`."""
    return frozenset(word.casefold() for word in _ASKED.findall(question[:8_000])) - TURNING


_ASKED = re.compile(r"\b(?:how many|number of)\s+(?:[a-z]+\s+)??([a-z]{3,})", re.IGNORECASE)


def is_plain(words: str, question: str | None) -> bool:
    """Return whether every word of a piece of prose passes: as a plain word, or as a word of the question."""
    known = words_of(question) if question else frozenset[str]()
    return all(_passes(word, known) for word in _WORD.findall(words))


def denies(label: str) -> bool:
    """Return whether a name for a value reverses it: `not x`, `不是x`. `半径` and `倍数` are plain names."""
    words = _WORD.findall(label)
    return any(
        word[0] in "不没无非未否除错"
        or word.casefold() in _SUPPOSED
        or (word.casefold() in TURNING and not _SEGMENT.fullmatch(word))
        for word in words
    )


_SUPPOSING = "let assume suppose supposing try given because since 设 令 因为 由于 已知"
_SUPPOSED = frozenset(_SUPPOSING.split())
_SEGMENT = re.compile(r"[A-Z]{2}")  # the segment NO


def denies_or_computes(words: str) -> bool:
    """Return whether any word denies, weighs or computes."""
    return any(
        word.casefold() in TURNING
        or word.casefold().endswith(("n't", "n’t"))
        or bool(set(word) & TURNING)
        for word in _WORD.findall(words)
    )


def _passes(word: str, known: frozenset[str]) -> bool:
    if not word[0].isascii():
        return _passes_chinese(word, known)
    folded = word.casefold().replace("’", "'")
    bare = folded.split("'")[0]
    if {folded, bare} & TURNING or folded.endswith("n't"):
        return False
    if _LETTER.fullmatch(word) or {folded, bare, bare.removesuffix("s")} & (_PLAIN | COUNTED):
        return True
    return _stem(bare) in known or (folded != "second" and parse_unit(folded) is not None)


def _stem(word: str) -> str:
    """Return a word without an ending that a question may leave out: `reaches`, `reached`, `reaching`."""
    return _ENDING.sub("", word) if len(word) > 3 else word


_ENDING = re.compile(r"(?:ing|ed|es|s|e|d)$")


_CHINESE_TERMS = frozenset(_PLAIN_CHINESE.split()) | NOUN_WORDS - {"可能"}


def _passes_chinese(
    run: str, known: frozenset[str], terms: frozenset[str] = _CHINESE_TERMS
) -> bool:
    at = 0
    while at < len(run):
        for size in (4, 3, 2, 1):
            piece = run[at : at + size]
            if piece in terms or (piece in known and size == 2):
                break
        else:
            if run[at] in TURNING or run[at] not in known:
                return False
        at += max(1, len(piece))
    return True


def is_counted(words: str, question: str | None = None) -> bool:
    """Return whether the words after a number only say what was counted: `students`, `个`, `red balls`."""
    words = words.strip()
    if not words or len(words) > 60:
        return False
    known = words_of(question) if question else frozenset[str]()
    if not words[0].isascii():
        if "的" in words:  # 12的平方 is not a count
            return False
        rest = words[1:] if words[0] in MEASURES else words
        if words == "可能":  # 12可能 expresses doubt, 12种可能 counts
            return False
        return (
            not rest
            or rest in NOUN_WORDS
            or (rest not in MEASURES and _passes_chinese(rest, known, NOUN_WORDS))
        )
    parts = [part.casefold() for part in words.split()]
    if len(parts) > 4 or any(part in TURNING for part in parts) or _POWERS.search(words):
        return False
    return parts[-1] in COUNTED | known and all(part in COLOURS | known for part in parts[:-1])


_POWERS = re.compile(r"(?:square|cube)(?:\s+roots?)?\Z", re.IGNORECASE)  # `7 square` is not a count


def counts_another(one: str, other: str) -> bool:
    """Return whether the words after two numbers name different things: 8 apples are not 8 oranges."""
    if not one or not other or one.isascii() != other.isascii():
        return False
    if not one.isascii():
        nouns = [words[1:] if words[0] in MEASURES else words for words in (one, other)]
        return (
            bool(nouns[0] and nouns[1])
            and not nouns[0].endswith(nouns[1])
            and not nouns[1].endswith(nouns[0])
        )
    things = [_stem(words.casefold().split()[-1]) for words in (one, other)]
    return things[0] != things[1]


# Owners of an answer other than the speaker.
SOMEBODY = (
    r"(?<![A-Za-z])(?:my|his|her|their|your|a|some)\s+"
    r"(?:friend|teacher|brother|sister|book|neighbou?r|classmate)s?"
)
