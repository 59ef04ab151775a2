"""Names of places, as data: `regions` gives them their meaning.

Not every place in China stands here, and none has to: a code that is missing is shown by its
province and number. Listed are the 32 province-level units, all 41 cities of the Yangtze
River Delta, the provincial capitals, and the places of the five local plans with their
neighbours. Names are in short form (淮北, not 淮北市), counties and districts with their kind.

Source: GB/T 2260 for the codes; 660000 and the divisions 66nn00 of the Xinjiang Production and
Construction Corps come from its own documents (兵医保规〔2022〕2号) and are not in GB/T 2260.
"""

from __future__ import annotations

PROVINCES: dict[str, tuple[str, str]] = {
    "110000": ("北京", "Beijing"),
    "120000": ("天津", "Tianjin"),
    "130000": ("河北", "Hebei"),
    "140000": ("山西", "Shanxi"),
    "150000": ("内蒙古", "Inner Mongolia"),
    "210000": ("辽宁", "Liaoning"),
    "220000": ("吉林", "Jilin"),
    "230000": ("黑龙江", "Heilongjiang"),
    "310000": ("上海", "Shanghai"),
    "320000": ("江苏", "Jiangsu"),
    "330000": ("浙江", "Zhejiang"),
    "340000": ("安徽", "Anhui"),
    "350000": ("福建", "Fujian"),
    "360000": ("江西", "Jiangxi"),
    "370000": ("山东", "Shandong"),
    "410000": ("河南", "Henan"),
    "420000": ("湖北", "Hubei"),
    "430000": ("湖南", "Hunan"),
    "440000": ("广东", "Guangdong"),
    "450000": ("广西", "Guangxi"),
    "460000": ("海南", "Hainan"),
    "500000": ("重庆", "Chongqing"),
    "510000": ("四川", "Sichuan"),
    "520000": ("贵州", "Guizhou"),
    "530000": ("云南", "Yunnan"),
    "540000": ("西藏", "Xizang"),
    "610000": ("陕西", "Shaanxi"),
    "620000": ("甘肃", "Gansu"),
    "630000": ("青海", "Qinghai"),
    "640000": ("宁夏", "Ningxia"),
    "650000": ("新疆", "Xinjiang"),
    "660000": ("新疆兵团", "XPCC"),
}
"""The 32 province-level units, in the order of their codes: (zh, en)."""

DELTA_CITIES: dict[str, tuple[str, str]] = {
    "310000": ("上海", "Shanghai"),
    "320100": ("南京", "Nanjing"),
    "320200": ("无锡", "Wuxi"),
    "320300": ("徐州", "Xuzhou"),
    "320400": ("常州", "Changzhou"),
    "320500": ("苏州", "Suzhou"),
    "320600": ("南通", "Nantong"),
    "320700": ("连云港", "Lianyungang"),
    "320800": ("淮安", "Huai'an"),
    "320900": ("盐城", "Yancheng"),
    "321000": ("扬州", "Yangzhou"),
    "321100": ("镇江", "Zhenjiang"),
    "321200": ("泰州", "Taizhou (Jiangsu)"),
    "321300": ("宿迁", "Suqian"),
    "330100": ("杭州", "Hangzhou"),
    "330200": ("宁波", "Ningbo"),
    "330300": ("温州", "Wenzhou"),
    "330400": ("嘉兴", "Jiaxing"),
    "330500": ("湖州", "Huzhou"),
    "330600": ("绍兴", "Shaoxing"),
    "330700": ("金华", "Jinhua"),
    "330800": ("衢州", "Quzhou"),
    "330900": ("舟山", "Zhoushan"),
    "331000": ("台州", "Taizhou (Zhejiang)"),
    "331100": ("丽水", "Lishui"),
    "340100": ("合肥", "Hefei"),
    "340200": ("芜湖", "Wuhu"),
    "340300": ("蚌埠", "Bengbu"),
    "340400": ("淮南", "Huainan"),
    "340500": ("马鞍山", "Ma'anshan"),
    "340600": ("淮北", "Huaibei"),
    "340700": ("铜陵", "Tongling"),
    "340800": ("安庆", "Anqing"),
    "341000": ("黄山", "Huangshan"),
    "341100": ("滁州", "Chuzhou"),
    "341200": ("阜阳", "Fuyang"),
    "341300": ("宿州", "Suzhou (Anhui)"),
    "341500": ("六安", "Lu'an"),
    "341600": ("亳州", "Bozhou"),
    "341700": ("池州", "Chizhou"),
    "341800": ("宣城", "Xuancheng"),
}
"""The 41 cities: Shanghai 1, Jiangsu 13, Zhejiang 11, Anhui 16. 340900 and 341400 do not exist."""

_PREFECTURES: dict[str, tuple[str, str]] = {
    "130100": ("石家庄", "Shijiazhuang"),
    "131000": ("廊坊", "Langfang"),
    "140100": ("太原", "Taiyuan"),
    "150100": ("呼和浩特", "Hohhot"),
    "210100": ("沈阳", "Shenyang"),
    "220100": ("长春", "Changchun"),
    "230100": ("哈尔滨", "Harbin"),
    "350100": ("福州", "Fuzhou"),
    "350200": ("厦门", "Xiamen"),
    "360100": ("南昌", "Nanchang"),
    "370100": ("济南", "Jinan"),
    "370200": ("青岛", "Qingdao"),
    "410100": ("郑州", "Zhengzhou"),
    "411400": ("商丘", "Shangqiu"),
    "420100": ("武汉", "Wuhan"),
    "430100": ("长沙", "Changsha"),
    "440100": ("广州", "Guangzhou"),
    "440300": ("深圳", "Shenzhen"),
    "450100": ("南宁", "Nanning"),
    "450500": ("北海", "Beihai"),
    "460100": ("海口", "Haikou"),
    "460200": ("三亚", "Sanya"),
    "510100": ("成都", "Chengdu"),
    "520100": ("贵阳", "Guiyang"),
    "530100": ("昆明", "Kunming"),
    "540100": ("拉萨", "Lhasa"),
    "610100": ("西安", "Xi'an"),
    "610500": ("渭南", "Weinan"),
    "620100": ("兰州", "Lanzhou"),
    "630100": ("西宁", "Xining"),
    "630200": ("海东", "Haidong"),
    "632200": ("海北", "Haibei"),
    "632300": ("黄南", "Huangnan"),
    "632500": ("海南州", "Hainan Prefecture"),
    "632600": ("果洛", "Golog"),
    "632700": ("玉树", "Yushu"),
    "632800": ("海西", "Haixi"),
    "640100": ("银川", "Yinchuan"),
    "650100": ("乌鲁木齐", "Urumqi"),
    "653100": ("喀什", "Kashgar"),
}

_COUNTIES: dict[str, tuple[str, str]] = {
    "310118": ("青浦区", "Qingpu District"),
    "320509": ("吴江区", "Wujiang District"),
    "321302": ("宿城区", "Sucheng District"),
    "321311": ("宿豫区", "Suyu District"),
    "321322": ("沭阳县", "Shuyang County"),
    "321323": ("泗阳县", "Siyang County"),
    "321324": ("泗洪县", "Sihong County"),
    "330421": ("嘉善县", "Jiashan County"),
    "340602": ("杜集区", "Duji District"),
    "340603": ("相山区", "Xiangshan District"),
    "340604": ("烈山区", "Lieshan District"),
    "340621": ("濉溪县", "Suixi County"),
    "341502": ("金安区", "Jin'an District"),
    "341503": ("裕安区", "Yu'an District"),
    "653101": ("喀什市", "Kashgar City"),
    "653121": ("疏附县", "Shufu County"),
    "653122": ("疏勒县", "Shule County"),
}

_ORDINALS_ZH = (
    "一",
    "二",
    "三",
    "四",
    "五",
    "六",
    "七",
    "八",
    "九",
    "十",
    "十一",
    "十二",
    "十三",
    "十四",
)
_ORDINALS_EN = ("1st", "2nd", "3rd", *(f"{n}th" for n in range(4, 15)))

# There is no 11th division of the Corps any more. That the two digits nn are the number of the
# division is general knowledge, unconfirmed.
_DIVISIONS: dict[str, tuple[str, str]] = {
    f"66{n:02d}00": (f"第{_ORDINALS_ZH[n - 1]}师", f"{_ORDINALS_EN[n - 1]} Division")
    for n in range(1, 15)
    if n != 11
}

PLACES: dict[str, tuple[str, str]] = {
    **PROVINCES,
    **DELTA_CITIES,
    **_PREFECTURES,
    **_DIVISIONS,
    **_COUNTIES,
}
"""Every place that has a name here, by code: (zh, en)."""
