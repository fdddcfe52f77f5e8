r"""The units of measure that the grader knows, as text in the form of tables.

A line of NAMES is `factor | dimension | names`. A line of SYMBOLS is `factor | dimension | symbol | prefixes
that occur with it`. The factor converts to base units (m, kg, s, A, K, mol, and one unit for each currency,
angle, scale). English plurals and capitals are derived.
"""

PREFIXES = {
    "p": -12, "n": -9, r"\mu": -6, "u": -6, "m": -3, "c": -2, "d": -1, "h": 2, "k": 3, "M": 6, "G": 9,
    "T": 12,
}  # fmt: skip

SYMBOLS = r"""
1 | m | m | n \mu u m c d k
0.001 | kg | g | \mu u m k M
1 | s | s | n \mu u m
1 | A | A | \mu u m k
1 | K | K | m
1 | mol | mol | m \mu k
1 | cd | cd |
1 | s-1 | Hz | k M G
1 | kg m s-2 | N | k m M
1 | kg m2 s-2 | J | k M m
1 | kg m2 s-3 | W | k M m G
1 | kg m-1 s-2 | Pa | k M h G
1 | A s | C | \mu u m n
1 | kg m2 s-3 A-1 | V | k m \mu u
1 | kg-1 m-2 s4 A2 | F | \mu u n p m
1 | kg m2 s-3 A-2 | \Omega | k M m
1 | kg s-2 A-1 | T | m \mu
1 | kg m2 s-2 A-1 | Wb | m
1 | kg m2 s-2 A-2 | H | m \mu u
0.001 | m3 | L | m \mu u d
0.001 | m3 | l | m d
1.602176634e-19 | kg m2 s-2 | eV | k M G
1 | s-1 | Bq | k M
4.184 | kg m2 s-2 | cal | k
100000 | kg m-1 s-2 | bar | m
1 | 1 | rad | m
"""

NAMES = r"""
1 | m | meter metre 米
0.01 | m | centimeter centimetre 厘米 公分
0.1 | m | decimeter decimetre 分米
0.001 | m | millimeter millimetre 毫米
1000 | m | kilometer kilometre 千米 公里
1e-06 | m | micrometer micron 微米
1e-09 | m | nanometer 纳米
500 | m | 里
9460700000000000 | m | 光年 ly
0.0254 | m | inch in
0.3048 | m | foot ft feet
0.9144 | m | yard yd
1609.344 | m | mile mi
0.001 | kg | gram 克
1 | kg | kilogram 千克 公斤 kilo
1e-06 | kg | milligram 毫克
0.5 | kg | 斤
1000 | kg | tonne ton 吨 t
0.45359237 | kg | pound lb
0.028349523125 | kg | ounce oz
1 | s | second sec 秒 秒钟
60 | s | minute min 分钟
3600 | s | hour hr h 小时 时
86400 | s | day 天 日
604800 | s | week 周 星期
1 | month | month 个月 月
12 | month | year yr 年
0.001 | s | millisecond 毫秒
0.001 | m3 | liter litre 升
1e-06 | m3 | milliliter millilitre 毫升 cc
0.003785411784 | m3 | gallon gal
10000 | m2 | hectare ha 公顷
4046.8564224 | m2 | acre
2000/3 | m2 | 亩
1 | kg m s-2 | newton 牛 牛顿
1 | kg m2 s-2 | joule 焦 焦耳
1000 | kg m2 s-2 | kilojoule 千焦
1 | kg m2 s-3 | watt 瓦 瓦特
1000 | kg m2 s-3 | kilowatt 千瓦
3600000 | kg m2 s-2 | kWh 千瓦时
1 | kg m-1 s-2 | pascal 帕 帕斯卡
101325 | kg m-1 s-2 | atm 标准大气压
1 | kg m2 s-3 A-1 | volt 伏 伏特
1 | A | ampere amp 安 安培
0.001 | A | milliamp 毫安
1 | kg m2 s-3 A-2 | ohm 欧 欧姆
1 | A s | coulomb 库仑 库
1 | kg-1 m-2 s4 A2 | farad 法拉
1 | kg s-2 A-1 | tesla 特斯拉
1 | s-1 | hertz 赫兹 赫
1 | K | kelvin 开尔文
1 | mol | mole 摩尔
463/900 | m s-1 | knot
0.44704 | m s-1 | mph
5/18 | m s-1 | kph kmh
1/60 | rev s-1 | rpm
1 | rev s-1 | rps
1 | 1 | radian 弧度
1 | dollar | dollar usd USD \$ 美元
0.01 | dollar | cent \cent
1 | yuan | 元 yuan ¥ RMB 人民币
0.1 | yuan | 角 毛
10000 | yuan | 万元
100000000 | yuan | 亿元
1 | euro | euro € eur EUR
1 | pound sterling | £
1 | celsius | degree_Celsius degrees_Celsius degree_celsius degrees_celsius 摄氏度
1 | fahrenheit | degree_Fahrenheit degrees_Fahrenheit degree_fahrenheit degrees_fahrenheit 华氏度
1 | celsius | ^\circ_C
1 | fahrenheit | ^\circ_F
1 | degree | ^\circ
1 | degree | degree deg 度
0.01 | percent | % percent pct percentage
0.001 | percent | \permille ‰
1 | bit | bit
8 | bit | byte
1000000 | bit s-1 | Mbps
1000 | bit s-1 | Kbps kbps
1000000000 | bit s-1 | Gbps
1 | decibel | dB decibel 分贝
100 | 1 | hundred
1000 | 1 | thousand
1000000 | 1 | million
1000000000 | 1 | billion
12 | 1 | dozen
1000000000000 | 1 | trillion
100 | 1 | 百
1000 | 1 | 千
10000 | 1 | 万
100000000 | 1 | 亿
"""

PLURALS = {"inch": "inches", "foot": "feet", "feet": "feet", "hertz": "hertz"}
