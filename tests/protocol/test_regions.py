"""Region codes: what is accepted, who belongs together, and how places are shown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidi.protocol import regions
from yidi.protocol.errors import ErrorCode, RemoteProtocolError

provinces = st.sampled_from(list(regions.PROVINCES))
codes = st.builds(
    lambda province, rest: f"{province[:2]}{rest:04d}", provinces, st.integers(0, 9999)
)


@given(codes)
def test_any_code_with_a_province_prefix_is_accepted(code: str) -> None:
    """Codes are not looked up in a list: the prefix of a province is enough."""
    assert code == regions.check_region(code)


@given(st.text(max_size=12))
def test_only_six_ascii_digits_with_a_known_prefix_are_accepted(text: str) -> None:
    """Everything else is E_REGION, with what came escaped to ASCII."""
    if re.fullmatch("[0-9]{6}", text) and text[:2] + "0000" in regions.PROVINCES:
        assert text == regions.check_region(text)
        return
    with pytest.raises(RemoteProtocolError) as caught:
        regions.check_region(text)
    assert ErrorCode.E_REGION == caught.value.code
    assert caught.value.got.isprintable()


@pytest.mark.parametrize(
    "code",
    [
        *"000000 100000 990000 170000 670000 34060 3406000 34060a -34060".split(),
        *("", "340600\n", " 340600", "34\x000600", "３４０６００", "٣٤٠٦٠٠"),
    ],
)
def test_w19_bad_region_codes(code: str) -> None:
    """Row W19: 000000, unknown provinces, other lengths and other scripts are E_REGION."""
    with pytest.raises(RemoteProtocolError) as caught:
        regions.check_region(code, at="$.insuplc_admdvs")

    assert ErrorCode.E_REGION == caught.value.code
    assert "$.insuplc_admdvs" == caught.value.at


@given(codes, codes)
def test_a_pair_is_refused_exactly_when_both_sides_are_one_region(first: str, second: str) -> None:
    """Row W19: the same treatment and insured region, where forbidden, is E_REGION."""
    if first != second:
        regions.check_pair(first, second)
        return
    with pytest.raises(RemoteProtocolError) as caught:
        regions.check_pair(first, second)
    assert ErrorCode.E_REGION == caught.value.code


@given(codes, codes)
def test_cross_province_means_different_provinces(first: str, second: str) -> None:
    """Two codes are cross-province exactly when their provinces differ, either way round."""
    expected = regions.province_of(first) != regions.province_of(second)

    assert expected == regions.is_cross_province(first, second)
    assert expected == regions.is_cross_province(second, first)


@given(codes)
def test_every_label_ends_with_its_code_and_names_the_province(code: str) -> None:
    """No code stands alone before a reader, in either language."""
    province = regions.PROVINCES[regions.province_of(code)]
    for lang, name in zip(("zh", "en"), province, strict=True):
        text = regions.label(code, lang)
        assert text.endswith(f" {code}")
        assert name in text
        assert text.count(code) == 1


@given(codes)
def test_delta_is_four_provinces(code: str) -> None:
    """The Delta is Shanghai, Jiangsu, Zhejiang and Anhui, counties included."""
    expected = regions.province_of(code) in ("310000", "320000", "330000", "340000")

    assert expected == regions.is_delta(code)


def test_there_are_32_provinces_and_992_ordered_pairs() -> None:
    """31 provinces, regions and municipalities, and the Corps."""
    assert 32 == len(regions.PROVINCES)
    assert 992 == sum(
        regions.is_cross_province(a, b) for a in regions.PROVINCES for b in regions.PROVINCES
    )
    assert all(regions.is_province(code) for code in regions.PROVINCES)


def test_the_delta_has_41_cities() -> None:
    """1 + 13 + 11 + 16, without the abolished 340900 and 341400."""
    per_province = [
        sum(regions.province_of(city) == province for city in regions.DELTA_CITIES)
        for province in ("310000", "320000", "330000", "340000")
    ]

    assert [1, 13, 11, 16] == per_province
    assert not {"340900", "341400"} & set(regions.DELTA_CITIES)
    assert all(regions.is_delta(city) for city in regions.DELTA_CITIES)


def test_every_name_is_given_in_both_languages_and_unique_within_its_province() -> None:
    """No two places of one province share a name, in either language."""
    for index in (0, 1):
        named = [
            (regions.province_of(code), name[index])
            for code, name in regions.PLACES.items()
            if not regions.is_province(code)
        ]
        assert len(named) == len(set(named))
        assert all(name for _, name in named)


@pytest.mark.parametrize(
    ("code", "zh", "en"),
    [
        ("340600", "安徽淮北 340600", "Huaibei, Anhui 340600"),
        ("340621", "安徽淮北濉溪县 340621", "Suixi County, Huaibei, Anhui 340621"),
        ("341503", "安徽六安裕安区 341503", "Yu'an District, Lu'an, Anhui 341503"),
        ("310000", "上海 310000", "Shanghai 310000"),
        ("310100", "上海 310100", "Shanghai 310100"),
        ("321300", "江苏宿迁 321300", "Suqian, Jiangsu 321300"),
        ("341300", "安徽宿州 341300", "Suzhou, Anhui 341300"),
        ("632500", "青海海南州 632500", "Hainan Prefecture, Qinghai 632500"),
        ("460000", "海南 460000", "Hainan 460000"),
        ("653122", "新疆喀什疏勒县 653122", "Shule County, Kashgar, Xinjiang 653122"),
        ("660300", "新疆兵团第三师 660300", "3rd Division, XPCC 660300"),
        ("349900", "安徽省本级 349900", "provincial schemes, Anhui 349900"),
        ("139903", "河北省直管 139903", "under the province, Hebei 139903"),
        ("430199", "湖南长沙市本级 430199", "municipal schemes, Changsha, Hunan 430199"),
        ("340999", "安徽市本级 340999", "municipal schemes, Anhui 340999"),
        ("145555", "山西 145555", "Shanxi 145555"),
        ("100000", "国家 100000", "National 100000"),
        ("000000", "未知区划 000000", "Unknown region 000000"),
    ],
)
def test_labels(code: str, zh: str, en: str) -> None:
    """Labels read from province to county in Chinese, the other way round in English."""
    assert zh == regions.label(code)
    assert en == regions.label(code, "en")


@pytest.mark.parametrize(
    ("code", "zh", "en"),
    [
        ("340600", "淮北", "Huaibei"),
        ("341300", "宿州", "Suzhou (Anhui)"),
        ("145555", "山西 145555", "Shanxi 145555"),
        ("310100", "上海", "Shanghai"),
        ("139903", "省直管", "under the province"),
        ("100000", "国家", "National"),
    ],
)
def test_names_without_a_province_fall_back_to_it(code: str, zh: str, en: str) -> None:
    """A place without a name of its own is shown by its province and code."""
    assert zh == regions.region_name(code, "zh")
    assert en == regions.region_name(code, "en")


def test_corps_and_xinjiang_are_two_provinces_even_in_one_town() -> None:
    """Trap: 65 and 66 differ, 疏勒 653122 and the third division 660300 are neighbours."""
    assert regions.is_cross_province("653122", "660300")
    assert "660000" == regions.province_of("660300")
    assert "653100" == regions.city_of("653122")
