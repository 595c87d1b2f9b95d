"""Sentences of Mandarin, in characters, for speakers with espeak-ng's accent `cmn`.

As `grammar` has them of English: a rule maps a symbol to its alternatives. espeak-ng
finds the tones of characters in its dictionary. Written without spaces.
"""

# ruff: noqa: RUF001  full-width punctuation is what Mandarin has

from collections.abc import Sequence

from workloads.corpora.grammar import Grammar

CODE = "cmn"

STRUCTURE: dict[str, tuple[str, ...]] = {
    "SENTENCE": (
        "STATEMENT",
        "STATEMENT",
        "STATEMENT",
        "TIME SUBJECT TRANSITIVE OBJECT",
        "STATEMENT ， 因为 STATEMENT",
        "STATEMENT ， 但是 STATEMENT",
        "QUESTION",
        "COMMAND",
        "AMOUNT",
    ),
    "STATEMENT": (
        "SUBJECT TRANSITIVE OBJECT",
        "SUBJECT TIME TRANSITIVE OBJECT",
        "SUBJECT 在 PLACE TRANSITIVE OBJECT",
        "SUBJECT 没有 TRANSITIVE OBJECT",
        "SUBJECT 和 SUBJECT 都 ADJECTIVE",
        "SUBJECT DEGREE ADJECTIVE",
        "SUBJECT TIME 去 PLACE INTRANSITIVE",
        "OBJECT 在 PLACE",
        "SUBJECT 想 TRANSITIVE OBJECT",
    ),
    "QUESTION": (
        "SUBJECT TRANSITIVE OBJECT 吗",
        "SUBJECT TIME 去 PLACE 吗",
        "谁 TRANSITIVE OBJECT",
        "OBJECT 在 哪里",
        "SUBJECT 什么 时候 INTRANSITIVE",
        "为什么 SUBJECT DEGREE ADJECTIVE",
    ),
    "COMMAND": (
        "请 TRANSITIVE OBJECT",
        "请 在 PLACE INTRANSITIVE",
        "不要 TRANSITIVE OBJECT",
        "我们 去 PLACE INTRANSITIVE 吧",
    ),
    "AMOUNT": (
        "NUMBER 个 THING",
        "一共 NUMBER 块 钱",
        "NUMBER 月 NUMBER 号",
        "大概 NUMBER 公里",
    ),
    "SUBJECT": ("PRONOUN", "PRONOUN", "PERSON", "ADJECTIVE 的 PERSON", "ANIMAL"),
    "OBJECT": (
        "THING",
        "THING",
        "NUMBER 个 THING",
        "ADJECTIVE 的 THING",
        "PRONOUN 的 THING",
        "ANIMAL",
    ),
    "NUMBER": ("DIGIT", "十 DIGIT", "DIGIT 十", "DIGIT 十 DIGIT", "DIGIT 百"),
}

_BY_CLASS = {
    "PRONOUN": "我 他 你 她 我们 他们 你们 大家",
    "PERSON": (
        "老师 医生 妈妈 爸爸 朋友 学生 孩子 司机 老板 邻居 哥哥 姐姐 弟弟 妹妹 "
        "爷爷 奶奶 警察 工人 农民 客人 王先生 李小姐 张经理"
    ),
    "ANIMAL": "小狗 小猫 马 牛 羊 鸟 老虎 兔子 大象 鱼",
    "THING": (
        "书 苹果 茶 手机 自行车 电脑 衣服 面包 米饭 桌子 椅子 报纸 雨伞 杯子 "
        "照片 钥匙 帽子 眼镜 鸡蛋 牛奶 西瓜 礼物 地图 钱包 房子 词典 火车票 花"
    ),
    "PLACE": (
        "学校 北京 家里 公园 医院 商店 图书馆 火车站 机场 饭馆 银行 办公室 上海 "
        "海边 山上 厨房 教室 邮局 超市 电影院"
    ),
    "TIME": (
        "今天 明天 昨天 晚上 早上 下午 现在 星期一 星期五 周末 去年 明年 上个月 "
        "下个星期 中午 春天 冬天"
    ),
    "TRANSITIVE": (
        "喜欢 买 看 找 卖 带 需要 忘了 送 拿 画 看见 借 打开 准备 检查 修理 "
        "参观 介绍 丢了"
    ),
    "INTRANSITIVE": (
        "休息 工作 学习 吃饭 睡觉 跑步 唱歌 游泳 聊天 等人 上课 开会 散步 旅行"
    ),
    "ADJECTIVE": (
        "高兴 漂亮 便宜 忙 新 大 小 贵 聪明 安静 奇怪 干净 重要 年轻 着急 舒服 "
        "有名 热情"
    ),
    "DEGREE": "很 非常 太 特别 有点 不",
    "DIGIT": "二 三 五 八 六 九 四 七",
}

WORD_CLASSES: dict[str, Sequence[str]] = {
    name: tuple(words.split()) for name, words in _BY_CLASS.items()
}

MANDARIN = Grammar(STRUCTURE, WORD_CLASSES, space="")
